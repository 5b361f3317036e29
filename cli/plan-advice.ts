/** Which of Amplitude's two APIs to use for a load, and why. */
import type { Api } from '../shared/amplitude-limits.ts';
import { duration } from './figure.ts';
import type { ApiPlan } from './plan-times.ts';

export type Advice = { readonly api: Api; readonly why: string };

/** Batch may show an event only so long after taking it (older Batch documentation: "within 15 min most of the time"). */
const BATCH_BUFFER_SECONDS = 15 * 60;
/** Of older events both show some only after up to 48 h (Amplitude, "Data backfill"). */
const HISTORY_MS = 30 * 24 * 3_600_000;
/** A wait for one device that nobody minds. */
const SHORT_SECONDS = 10;

/** `firstTime` and `now` are in ms since epoch. */
export function adviseApi(batch: ApiPlan, httpV2: ApiPlan, firstTime: number | undefined, now: number): Advice {
  const [slow, quick] = [httpV2.time.value, batch.time.value];
  const times = `${duration(slow)} with HTTP V2, ${duration(quick)} with Batch`;
  const isBusy = httpV2.bound === 'device' || httpV2.bound === 'user';
  if (isBusy && slow > Math.max(SHORT_SECONDS, quick)) {
    return {
      api: 'batch',
      why: `${times}: HTTP V2 takes 30 events/s of a ${httpV2.bound} and Batch 1,000, and the busiest ${httpV2.bound} is what everything waits for`,
    };
  }
  if (firstTime !== undefined && now - firstTime >= HISTORY_MS) {
    return { api: 'batch', why: 'it has events older than 30 days, and Batch is made for history' };
  }
  if (slow > quick + BATCH_BUFFER_SECONDS) return { api: 'batch', why: `${times}: it takes fewer, larger requests` };
  return {
    api: 'http-v2',
    why: `no device and no user is busy enough to matter (${times}), and its events show at once, where Batch may take 15 minutes; Batch would do as well`,
  };
}
