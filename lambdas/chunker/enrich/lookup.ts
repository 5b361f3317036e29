/** Joins each event with the row of a reference file that has its key. */
import type { JsonObject } from '../../../shared/amplitude-event.ts';
import { type LookupOptions, namesTaken } from '../../../shared/enrich-step.ts';
import { show } from '../check-event.ts';
import { compileExpression } from '../expression.ts';
import { layOver } from '../field-map.ts';
import { type Building, put, toText } from '../json.ts';
import { Misfit } from '../misfit.ts';
import type { LookupFile } from './load-lookup.ts';
import type { LookupTable } from './lookup-table.ts';
import type { Draft, Origin, Step } from './step.ts';

/** Most events of a dump have one of a few keys. */
const MAX_KEPT = 10_000;
/** A longer key is not kept. */
const MAX_KEPT_KEY = 200;

/** What of the file the step needs. */
export function fileOfLookup({ file, format, column, take, duplicates = 'refuse' }: LookupOptions): LookupFile {
  const columns = namesTaken({ take }).map(([name]) => name);
  return { file, column, columns, duplicates, ...(format !== undefined && { format }) };
}

/** The values of the row take the place of what the event says; where the row has none, that stays. */
export function lookupStep(options: LookupOptions, table: LookupTable): Step {
  const { file, column, into = 'event_properties', missing = 'leave' } = options;
  const evaluate = compileExpression(options.key, { field: 'lookup.key', used: new Map() });
  const names = namesTaken(options).map(([, name]) => name);
  const kept = new Map<string, JsonObject | undefined>();

  function find(key: string): JsonObject | undefined {
    if (kept.has(key)) return kept.get(key);
    if (key.length > MAX_KEPT_KEY) return fieldsOf(key);
    if (kept.size >= MAX_KEPT) kept.clear();
    const fields = fieldsOf(key);
    kept.set(key, fields);
    return fields;
  }

  function fieldsOf(key: string): JsonObject | undefined {
    const values = table.find(key);
    if (!values) return undefined;
    const found: Building = {};
    for (const [i, name] of names.entries()) if (values[i] !== undefined) put(found, name, values[i]);
    const fields = found as JsonObject; // the table gives what JSON gave
    return into === 'event' ? fields : { [into]: fields };
  }

  function apply(draft: Draft, { record }: Origin): readonly Draft[] {
    const value = evaluate({ value: draft.event, record });
    const key = value === undefined || value === null ? '' : toText(value);
    if (key === undefined) throw new Misfit('lookup.key is not text or a number', `found ${show(value)}`);
    const fields = key === '' ? undefined : find(key);
    if (fields) return [{ ...draft, event: layOver(draft.event, fields) }];
    if (missing === 'leave') return [draft];
    if (missing === 'filter') return [];
    const where = `column ${JSON.stringify(column)} of ${file}`;
    if (key === '') throw new Misfit('lookup has no key', `expected a value of ${where}`);
    throw new Misfit('lookup found no row', `found ${show(value)}, expected a value of ${where}`);
  }

  return { kind: 'each', apply };
}
