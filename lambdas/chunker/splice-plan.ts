/** Says of a source whether its records can be passed through as text, and what its steps then put into that text. */
import { EVENT_FIELDS, type JsonObject } from '../../shared/amplitude-event.ts';
import type { Source } from '../../shared/config.ts';
import { type EnrichStep, type HashOptions, type LookupOptions, namesTaken } from '../../shared/enrich-step.ts';
import type { Expression, FieldMap } from '../../shared/field-map.ts';
import { namesInRecord, namesOf } from '../../shared/path.ts';
import { findFault } from './check-event.ts';
import { compileFields } from './field-map.ts';
import { isPlainObject } from './json.ts';

/** Where something stands in an event, outermost name first. */
type Place = readonly string[];

export type SpliceStep =
  /** Always the same fields, laid over the event. */
  | { readonly kind: 'set'; readonly fields: JsonObject }
  | { readonly kind: 'lookup'; readonly options: LookupOptions; readonly key: Place }
  | { readonly kind: 'hash'; readonly options: HashOptions; readonly fields: readonly Place[] };

export type SplicePlan = {
  readonly steps: readonly SpliceStep[];
  /** What the steps add; a record that has one of these already is parsed. */
  readonly added: readonly Place[];
};

/**
 * - `text`: an event is sent as its record stands; what is added to it is put into the text, and only a record that is
 *   unusual in some way is parsed
 * - `parsed`: the same text is sent, but each record is parsed, since a filter or a route looks at it
 * - `made`: each record is parsed, and what is made of it is written anew
 *
 * It changes no event, only what one costs. A record of CSV or Parquet has no such text and is always made.
 */
export type RecordPath = 'text' | 'parsed' | 'made';

export function recordPathOf(source: Source): RecordPath {
  if (splicePlan(source)) return 'text';
  const { preset, convert, map, enrich = [] } = source;
  return (preset ?? convert ?? map) === undefined && enrich.length === 0 ? 'parsed' : 'made';
}

/** Undefined when records must be parsed. Each step must neither read nor change what another one changed. */
export function splicePlan({ preset, convert, map, filter, route, enrich = [] }: Source): SplicePlan | undefined {
  if ([preset, convert, map, filter, route].some((setting) => setting !== undefined)) return undefined;
  const steps: SpliceStep[] = [];
  const added: Place[] = [];
  const changed: Place[] = [];
  for (const step of enrich) {
    const spliced = spliceStep(step);
    if (!spliced) return undefined;
    const changes = changesOf(spliced);
    if (!changes) return undefined;
    const seen = [...changes, ...readsOf(step, spliced)];
    if (seen.some((place) => changed.some((other) => overlaps(place, other)))) return undefined;
    steps.push(spliced);
    changed.push(...changes);
    if (spliced.kind !== 'hash') added.push(...changes);
  }
  return { steps, added };
}

function spliceStep(step: EnrichStep): SpliceStep | undefined {
  if (typeof step === 'function') return undefined;
  if ('set' in step) return isConstant(step.set) ? { kind: 'set', fields: constantsOf(step.set) } : undefined;
  if ('hash' in step) return { kind: 'hash', options: step.hash, fields: step.hash.fields.map(namesOf) };
  if (!('lookup' in step) || typeof step.lookup.key !== 'string') return undefined;
  const { key } = step.lookup;
  return { kind: 'lookup', options: step.lookup, key: namesInRecord(key) ?? namesOf(key) };
}

function constantsOf(set: FieldMap): JsonObject {
  return compileFields(set)({ value: {}, record: {} });
}

function isConstant(set: FieldMap): boolean {
  return Object.values(set).every((expression) => expression === undefined || isConstantExpression(expression));
}

function isConstantExpression(expression: Expression): boolean {
  if (typeof expression === 'string' || Array.isArray(expression)) return false;
  if ('value' in expression) return true;
  const names = Object.keys(expression);
  return (
    'fields' in expression && names.length === 1 && Object.values(expression.fields ?? {}).every(isConstantExpression)
  );
}

/** Undefined when what it changes is not a place that can be found in the text, or may be wrong for Amplitude. */
function changesOf(step: SpliceStep): readonly Place[] | undefined {
  switch (step.kind) {
    case 'set':
      return isFit(step.fields) ? placesOf(step.fields) : undefined;
    case 'lookup': {
      const { into = 'event_properties' } = step.options;
      const names = namesTaken(step.options).map(([, name]) => name);
      if (into !== 'event') return names.map((name) => [into, name]);
      return names.every(isFreeField) ? names.map((name) => [name]) : undefined;
    }
    case 'hash':
      // Named twice, perhaps in two spellings, it would be put into the text twice.
      return step.fields.every(
        (field, i) => isText(field) && !step.fields.slice(0, i).some((other) => overlaps(field, other)),
      )
        ? step.fields
        : undefined;
  }
}

/** Of what the step reads of the event, beside what it changes; the record is what it was. */
function readsOf(step: EnrichStep, spliced: SpliceStep): readonly Place[] {
  if (spliced.kind !== 'lookup' || typeof step === 'function' || !('lookup' in step)) return [];
  const { key } = step.lookup;
  return typeof key === 'string' && namesInRecord(key) === undefined ? [spliced.key] : [];
}

function overlaps(one: Place, other: Place): boolean {
  const length = Math.min(one.length, other.length);
  return one.slice(0, length).every((name, i) => name === other[i]);
}

/** What every event is checked for, which is found in the record. */
const OWN: ReadonlySet<string> = new Set(['event_type', 'user_id', 'device_id', 'time', 'insert_id']);

function isFreeField(field: string): boolean {
  return !OWN.has(field) && EVENT_FIELDS.get(field) !== 'object';
}

/** Text, as far as Amplitude knows the field. */
function isText([field = '', ...below]: Place): boolean {
  const kind = EVENT_FIELDS.get(field);
  if (below.length > 0) return kind === 'object' || kind === undefined;
  return (kind === 'string' || kind === undefined) && field !== 'event_type' && field !== 'insert_id';
}

/** Whether an event with these fields beside its own would be taken, and they can be added to its text. */
export function isFit(fields: JsonObject): boolean {
  const isFree = Object.entries(fields).every(([field, value]) =>
    EVENT_FIELDS.get(field) === 'object' ? isPlainObject(value) : isFreeField(field),
  );
  return isFree && findFault({ ...fields, event_type: 'any', user_id: 'long enough' }) === undefined;
}

/** Of fields that are objects the entries are laid over, not the whole. */
function placesOf(fields: JsonObject): Place[] {
  return Object.entries(fields).flatMap(([field, value]): Place[] =>
    EVENT_FIELDS.get(field) === 'object' ? Object.keys(value as JsonObject).map((name) => [field, name]) : [[field]],
  );
}
