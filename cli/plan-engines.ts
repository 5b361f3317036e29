/** How long an import takes on each engine: what Amplitude's API allows, or reading the dumps where that is slower. */
import { API_LIMITS } from '../shared/amplitude-limits.ts';
import type { Source } from '../shared/config.ts';
import { DEPLOYED, EVENTS_PER_SECOND } from './aws-prices.ts';
import { count, type Figure, n } from './figure.ts';
import type { Load } from './plan-load.ts';
import type { ApiPlan } from './plan-times.ts';

export function planEngines(
  load: Load,
  { time, api }: Pick<ApiPlan, 'time' | 'api'>,
  { inOrder }: Pick<Source, 'inOrder'>,
): { readonly embedded: Figure; readonly aws: Figure } {
  const most = Math.max(0, ...load.dumps.map(({ records }) => records));
  const readers = Math.max(1, Math.min(inOrder ? 1 : DEPLOYED.chunkers, load.dumps.length));
  const spread = Math.max(most, load.records / readers);
  const measured = `${n(EVENTS_PER_SECOND)} a second (measured with pass-through on two cores, docs/benchmarks.md)`;
  const uploading = `${n(time.value)} s that ${API_LIMITS[api].path} takes`;
  const figure = (value: number, arithmetic: string): Figure => ({
    value,
    unit: 'seconds',
    isEstimate: true,
    arithmetic,
  });
  return {
    embedded: figure(
      Math.max(time.value, load.records / EVENTS_PER_SECOND),
      `the longer of ${n(load.records)} records / ${measured} = ${n(load.records / EVENTS_PER_SECOND)} s, and the ${uploading}`,
    ),
    aws: figure(
      Math.max(time.value, spread / EVENTS_PER_SECOND),
      `the longer of ${n(spread)} records / ${measured} = ${n(spread / EVENTS_PER_SECOND)} s with ${count(readers, 'dump')} read at a time, and the ${uploading}`,
    ),
  };
}
