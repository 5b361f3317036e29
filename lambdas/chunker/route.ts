/** Says to which of its source's projects an event goes, by what stands in it. */
import type { AmplitudeEvent, JsonObject } from '../../shared/amplitude-event.ts';
import type { Source } from '../../shared/config.ts';
import { namesInRecord, namesOf, valueAt } from '../../shared/path.ts';
import type { RouteBy } from '../../shared/route-settings.ts';
import { projectId, targetOf, targetsOf } from '../../shared/target.ts';
import { type Fault, show } from './check-event.ts';
import type { Origin } from './enrich/step.ts';
import { toText } from './json.ts';
import { describeThrown } from './make-events.ts';

/** The project's place among the source's targets, `filter` when the event is left out, or why it goes nowhere. Never throws. */
export type ChooseProject = (event: JsonObject, origin: Origin) => number | 'filter' | Fault;

/** Names that a reject mentions as expected. */
const MAX_MENTIONED = 10;

/** Undefined when all events go to the source's own project. */
export function openRoute(source: Source): ChooseProject | undefined {
  const { route } = source;
  if (!route) return undefined;
  const places = new Map(targetsOf(source).map(({ project }, i) => [projectId(project), i]));
  const placeOf = (name: string | undefined): number | undefined => {
    const target = targetOf(source, name);
    return target && places.get(projectId(target.project));
  };
  const byName = new Map(Object.keys(route.projects).map((name) => [name, placeOf(name)]));
  const find = openFinder(route.by);
  const what = describeBy(route.by);
  const expected = `expected ${mention([...byName.keys()])}`;
  const otherwise = route.otherwise === 'project' ? (placeOf(undefined) ?? 'filter') : route.otherwise;
  return (event, origin) => {
    const found = find(event, origin);
    if ('fault' in found) return found.fault;
    const { value } = found;
    const place = byName.get(toText(value) ?? '');
    if (place !== undefined) return place;
    if (otherwise !== 'reject') return otherwise;
    if (value === undefined || value === null) return { reason: `route: ${what} is missing`, detail: expected };
    return { reason: `route: ${what} names no project`, detail: `found ${show(value)}, ${expected}` };
  };
}

type Found = { readonly value: unknown } | { readonly fault: Fault };

function openFinder(by: RouteBy): (event: JsonObject, origin: Origin) => Found {
  if (typeof by !== 'function') {
    const finders = [by].flat().map((path) => {
      const inRecord = namesInRecord(path);
      const names = inRecord ?? namesOf(path);
      return (event: JsonObject, { record }: Origin) => valueAt(inRecord ? record : event, names);
    });
    return (event, origin) => {
      for (const find of finders) {
        const value = find(event, origin);
        if (value !== undefined) return { value };
      }
      return { value: undefined };
    };
  }
  return (event, { at }) => {
    try {
      const value: unknown = by(event as AmplitudeEvent, at);
      if (value instanceof Promise) value.catch(() => undefined);
      return { value };
    } catch (error) {
      const { name, message } = describeThrown(error);
      return { fault: { reason: `route.by threw ${name}`, detail: message } };
    }
  };
}

/** Of what the project follows. */
export function describeBy(by: RouteBy): string {
  return typeof by === 'function' ? 'what route.by returns' : [by].flat().join(' or ');
}

function mention(names: readonly string[]): string {
  const some = names.slice(0, MAX_MENTIONED).map((name) => JSON.stringify(name));
  const more = names.length > some.length ? `, … (${names.length} in all)` : '';
  return `${some.length > 1 ? 'one of ' : ''}${some.join(', ')}${more}`;
}
