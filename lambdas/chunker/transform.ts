/** The path from records to their events: filter, map, enrich, check; opened once for a source, then given blocks of records. */
import type { AmplitudeEvent, JsonObject } from '../../shared/amplitude-event.ts';
import type { FilterFunction, MapFunction, RecordPosition, Source } from '../../shared/config.ts';
import { compileConverter } from '../../shared/converter.ts';
import { secretsOf } from '../../shared/enrich-step.ts';
import type { Log } from '../../shared/log.ts';
import { openPreset } from '../../shared/presets.ts';
import type { References } from '../../shared/references.ts';
import { openKeyedHash } from './enrich/hash.ts';
import { lookupTables } from './enrich/lookup-tables.ts';
import { openStep, type StepPorts } from './enrich/open-step.ts';
import type { Draft, Origin, Step } from './enrich/step.ts';
import { openFilter } from './filter.ts';
import { stringifyExactly } from '../../shared/exact-json.ts';
import {
  describeThrown,
  draftsOf,
  type FinishOptions,
  finishEvents,
  type MadeEvents,
  passThrough,
  recordId,
  type RefusedEvent,
  unusable,
} from './make-events.ts';
import type { KeptText } from './kept-text.ts';
import { openMap } from './open-map.ts';
import { openPassText, type PassText, plainPassText } from './pass-text.ts';
import type { RawRecord } from './raw-record.ts';
import { readRecord } from './read-record.ts';
import { findReferences, type FoundReferences, isOutdated } from './references.ts';
import { type ChooseProject, openRoute } from './route.ts';

/**
 * What becomes of each record, in the same order. What is wrong with a record never throws; what a batch step throws
 * does, and a secret that cannot be read. `dumpKey` is what functions of the configuration are told.
 */
export type Transform = (
  records: readonly RawRecord[],
  dumpKey: string,
) => readonly MadeEvents[] | Promise<readonly MadeEvents[]>;

export type TransformPorts = Pick<StepPorts, 'secret'> & {
  readonly references: References;
  readonly log: Log;
};

/** Opens the transform of a source; once per sandbox, see `openTransforms`. */
export async function openTransform(source: Source, ports: StepPorts): Promise<Transform> {
  const enrich = source.enrich ?? [];
  const steps = await Promise.all(enrich.map((step, i) => openStep(step, `enrich[${i}]`, ports)));
  const [secret] = secretsOf(enrich);
  const maskId = secret === undefined ? undefined : maskWith(await ports.secret(secret));
  return compileTransform(source, steps, maskId, await openPassText(source, ports));
}

/**
 * The same from steps that are open. `maskId` is put over an insert_id that is made from a record's bytes; `pass` makes
 * the same events of most records without parsing them, where the source lets that be.
 */
export function compileTransform(
  source: Source,
  steps: readonly Step[] = [],
  maskId?: (id: string) => string,
  pass: PassText | undefined = plainPassText(source),
): Transform {
  const map = openMap(source, openBase(source));
  const filter = source.filter && openFilter(source.filter);
  const route = openRoute(source);
  if (!map && steps.length === 0) {
    return (records, dump) => {
      return records.map((record) => {
        const id = () => recordId(record.bytes, source, { dump, position: record.position });
        return pass?.(record, id) ?? untouched(record, dump, { source, filter, route });
      });
    };
  }
  const merges = (source.enrich ?? []).some((step) => 'identify' in step && step.identify.merge !== false);
  const opened = { source, map: map ?? asItIs, filter, route, maskId, merges, keeps: mayKeep(source) };
  const named = steps.map((step, i) => ({ ...step, name: `enrich[${i}]` }));
  const begin = (record: RawRecord, dumpKey: string): Row => {
    const made = pass?.(record, () => maskedId(record, dumpKey, opened));
    return made ? { made } : toRow(record, dumpKey, opened);
  };
  const finish = (row: Row) => ('made' in row ? row.made : finishRow(row, opened));
  if (steps.some(({ kind }) => kind === 'batch')) {
    return async (records, dumpKey) => {
      const rows = records.map((record) => begin(record, dumpKey));
      await applySteps(rows, named);
      return rows.map(finish);
    };
  }
  // One after the other: a block's worth of parsed records at a time would be copied by the garbage collector again and again.
  return (records, dumpKey) =>
    records.map((record) => {
      const row = begin(record, dumpKey);
      for (const step of named) if (step.kind === 'each') applyEach(row, step);
      return finish(row);
    });
}

/** Whether an event may be its record with something added: other platforms' records are no events, and data says each field. */
function mayKeep({ preset, convert, map }: Source): boolean {
  return preset === undefined && convert === undefined && (map === undefined || typeof map === 'function');
}

/** What other platforms' records become, if that is what they are. */
function openBase({ preset, convert }: Source): MapFunction | undefined {
  if (preset) return openPreset(preset);
  if (typeof convert === 'string')
    throw new Error(`the converter file ${convert} was not loaded with the configuration`);
  return convert && compileConverter(convert).map;
}

/** The transform of a source, with its reference files in these versions; without them as they are now. */
export type TransformOf = (source: Source, found?: FoundReferences) => Promise<Transform>;

/** Opens each source's transform when it is first asked for, and keeps it as long as its reference files stay the same. */
export function openTransforms({ secret, references, log }: TransformPorts): TransformOf {
  const opened = new Map<Source, { readonly found: FoundReferences; readonly transform: Promise<Transform> }>();
  const tables = lookupTables(references, log);
  return async (source, given) => {
    const found = given ?? (await findReferences(source, references));
    // Also those of other sources: nobody is to hold an old table in memory beside the new one.
    for (const [other, known] of opened) if (isOutdated(known.found, found)) opened.delete(other);
    const known = opened.get(source);
    if (known) return known.transform;
    const transform = openTransform(source, {
      secret,
      table(lookup) {
        const reference = found.get(lookup.file);
        if (!reference) throw new Error(`nobody has looked for ${lookup.file}`);
        return tables.open(lookup, reference);
      },
    });
    opened.set(source, { found, transform });
    // What could not be opened is tried again with the next dump.
    transform.catch(() => opened.get(source)?.transform === transform && opened.delete(source));
    return transform;
  };
}

type Opened = {
  readonly source: Source;
  readonly map: MapFunction;
  readonly filter: FilterFunction | undefined;
  readonly route: ChooseProject | undefined;
  readonly maskId: ((id: string) => string) | undefined;
  readonly keeps: boolean;
};

type EachStep = Extract<Step, { readonly kind: 'each' }>;
/** `name` is what reasons call it: `enrich[2]`. */
type Named<S extends Step> = S & { readonly name: string };

/** A record on its way: decided already, or with the events that are being made of it. */
type Row = { readonly made: MadeEvents } | Open;
type Open = {
  readonly origin: Origin;
  items: readonly (Draft | RefusedEvent)[];
  readonly kept: KeptText | undefined;
};

const asItIs: MapFunction = (record) => record as AmplitudeEvent;

/** Without map and steps: the record already is an event, and its text is sent as it stands. */
function untouched(
  record: RawRecord,
  dump: string,
  { source, filter, route }: Pick<Opened, 'source' | 'filter' | 'route'>,
): MadeEvents {
  const read = readRecord(record, source, filter !== undefined || route !== undefined);
  if ('kind' in read) return read;
  const at = { dump, position: record.position };
  const left = filter && filtered(filter, read.value, at);
  if (left) return left;
  const id = () => recordId(record.bytes, source, at);
  const origin = { record: read.value, at };
  if (!record.parsed) return passThrough(record.bytes, read.value, origin, { source, route }, id);
  return finishEvents(draftsOf(read.value, id()), origin, { source, route, merges: false });
}

function maskedId(record: RawRecord, dump: string, { source, maskId }: Pick<Opened, 'source' | 'maskId'>): string {
  const id = recordId(record.bytes, source, { dump, position: record.position });
  return maskId && source.insertId === 'content' ? maskId(id) : id;
}

function toRow(record: RawRecord, dump: string, opened: Opened): Row {
  const { source, map, filter, keeps } = opened;
  const read = readRecord(record, source, true, keeps);
  if ('kind' in read) return { made: read };
  const at = { dump, position: record.position };
  const left = filter && filtered(filter, read.value, at);
  if (left) return { made: left };
  try {
    const items = draftsOf(map(read.value, at, []), maskedId(record, dump, opened));
    if (items.length === 0) return { made: { kind: 'filtered' } };
    return { origin: { record: read.value, at }, items, kept: read.kept };
  } catch (error) {
    const { reason, detail } = faultOf(error, 'map');
    return { made: unusable(reason, detail) };
  }
}

/** Undefined when the record is kept. */
function filtered(filter: FilterFunction, record: JsonObject, at: RecordPosition): MadeEvents | undefined {
  try {
    const isKept: unknown = filter(record, at);
    if (typeof isKept === 'boolean') return isKept ? undefined : { kind: 'filtered' };
    if (isKept instanceof Promise) isKept.catch(() => undefined);
    return unusable('filter returned neither true nor false', `found ${typeof isKept}`);
  } catch (error) {
    const { reason, detail } = faultOf(error, 'filter');
    return unusable(reason, detail);
  }
}

async function applySteps(rows: readonly Row[], steps: readonly Named<Step>[]): Promise<void> {
  for (const step of steps) {
    if (step.kind === 'batch') await applyBatch(rows, step);
    else for (const row of rows) applyEach(row, step);
  }
}

function applyEach(row: Row, step: Named<EachStep>): void {
  if ('made' in row) return;
  const { items, origin } = row;
  const [only] = items;
  row.items =
    items.length === 1 && only ? stepped(only, step, origin) : items.flatMap((item) => stepped(item, step, origin));
}

function stepped(item: Draft | RefusedEvent, step: Named<EachStep>, origin: Origin): readonly (Draft | RefusedEvent)[] {
  if ('reason' in item) return [item];
  try {
    return step.apply(item, origin);
  } catch (error) {
    return [{ ...faultOf(error, step.name), text: textOf(item.event) }];
  }
}

/** The events of all rows, so many at a time. */
async function applyBatch(rows: readonly Row[], step: Extract<Step, { readonly kind: 'batch' }>): Promise<void> {
  const drafts = rows.flatMap((row) => ('made' in row ? [] : row.items.filter((item) => 'event' in item)));
  const answers = new Map<Draft | RefusedEvent, Draft | null>();
  for (let start = 0; start < drafts.length; start += step.size) {
    const some = drafts.slice(start, start + step.size);
    for (const [i, answer] of (await step.apply(some)).entries()) {
      const draft = some[i];
      if (draft) answers.set(draft, answer && { ...draft, ...answer });
    }
  }
  for (const row of rows) {
    if ('made' in row) continue;
    row.items = row.items.flatMap((item) => {
      const answer = answers.get(item);
      if (answer === null) return [];
      return [answer ?? item];
    });
  }
}

function finishRow({ items, origin, kept }: Open, options: FinishOptions): MadeEvents {
  return items.length > 0 ? finishEvents(items, origin, options, kept) : { kind: 'filtered' };
}

/** `who` threw it: `map`, `enrich[2]`. */
function faultOf(error: unknown, who: string): { readonly reason: string; readonly detail: string } {
  const { name, message, fault } = describeThrown(error);
  return fault ?? { reason: `${who} threw ${name}`, detail: message };
}

function textOf(event: JsonObject): string {
  try {
    return stringifyExactly(event);
  } catch {
    return '';
  }
}

/**
 * Where a field is pseudonymised the insert_id is keyed too: whoever knew the rest of a record could otherwise try out
 * whose hash of its bytes it is.
 */
function maskWith(key: string): (id: string) => string {
  return openKeyedHash(key, { encoding: 'base64url', length: 16 });
}
