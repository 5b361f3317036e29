/** Opens a step of the configuration: what it needs from outside is fetched once, and what it does is compiled. */
import type { AmplitudeEvent, JsonObject } from '../../../shared/amplitude-event.ts';
import { type BatchFunction, type EnrichStep, type EventFunction, MAX_BATCH } from '../../../shared/enrich-step.ts';
import type { FieldMap } from '../../../shared/field-map.ts';
import { namesOf } from '../../../shared/path.ts';
import { Misfit } from '../misfit.ts';
import { compileFields, layOver } from '../field-map.ts';
import { editAt, isJsonObject, treeOf } from '../json.ts';
import { hashStep } from './hash.ts';
import { identifyStep } from './identify.ts';
import type { LookupFile } from './load-lookup.ts';
import { fileOfLookup, lookupStep } from './lookup.ts';
import type { LookupTable } from './lookup-table.ts';
import { redactStep } from './redact.ts';
import { changing, type Draft, type Step } from './step.ts';
import { urlStep } from './url.ts';

/** What steps need from outside. */
export type StepPorts = {
  /** What the secret of this name holds; throws when it cannot be read. */
  secret(name: string): Promise<string>;
  /** Tables of reference files, of the versions that the dump is read with. */
  table(lookup: LookupFile): Promise<LookupTable>;
};

/** `name` says in reasons which step it was: `enrich[2]`. */
export async function openStep(step: EnrichStep, name: string, ports: StepPorts): Promise<Step> {
  if (typeof step === 'function') return functionStep(step, name);
  if ('set' in step) return setStep(step.set);
  if ('drop' in step) return dropStep(step.drop);
  if ('redact' in step) return redactStep(step.redact);
  if ('hash' in step) return hashStep(step.hash, await ports.secret(step.hash.secret));
  // Its patterns are large, and few sources need them.
  if ('userAgent' in step) return (await import('./user-agent.ts')).userAgentStep(step.userAgent);
  if ('url' in step) return urlStep(step.url);
  if ('identify' in step) return identifyStep(step.identify);
  if ('lookup' in step) return lookupStep(step.lookup, await ports.table(fileOfLookup(step.lookup)));
  return batchStep(step.batch, name, step.size);
}

function setStep(map: FieldMap): Step {
  const fields = compileFields(map);
  return changing((event, { record }) => layOver(event, fields({ value: event, record })));
}

function dropStep(paths: readonly string[]): Step {
  const tree = treeOf(paths.map(namesOf));
  return changing((event) => (editAt(event, tree, () => undefined) ?? {}) as JsonObject); // only less of what it was
}

function functionStep(each: EventFunction, name: string): Step {
  return {
    kind: 'each',
    apply(draft, { at }) {
      const result: unknown = each(draft.event as AmplitudeEvent, at);
      if (result === null) return [];
      if (result instanceof Promise) {
        result.catch(() => undefined);
        throw new Misfit(`${name} returned a promise`, 'for what is async there is { batch: async (events) => … }');
      }
      if (!isJsonObject(result)) throw new Misfit(`${name} returned no event`, `found ${typeof result}`);
      return [{ ...draft, event: { ...result } }];
    },
  };
}

function batchStep(batch: BatchFunction, name: string, size = MAX_BATCH): Step {
  return {
    kind: 'batch',
    size,
    async apply(drafts) {
      // With its insert_id each event is known again.
      const given = drafts.map(({ event, id }) => ({ ...event, insert_id: event.insert_id || id }) as AmplitudeEvent);
      const ids = given.map(({ insert_id }) => insert_id);
      const results: unknown = await batch(given);
      if (!Array.isArray(results) || results.length !== drafts.length) {
        const found = Array.isArray(results) ? `${results.length}` : 'no list';
        throw new Error(
          `${name} was given ${drafts.length} events and returned ${found}; expected one answer for each`,
        );
      }
      return drafts.map(({ id }, i): Draft | null => answer(results[i], id, ids[i], `${name}, event ${i + 1}`));
    },
  };
}

function answer(result: unknown, id: string, insertId: string | null | undefined, which: string): Draft | null {
  if (result === null) return null;
  if (!isJsonObject(result)) throw new Error(`${which}: found ${typeof result}, expected an event or null`);
  const { insert_id = insertId } = result;
  if (insert_id === insertId) return { id, event: { ...result, insert_id } };
  throw new Error(`${which} has the insert_id of another; expected the answers in the order of the events`);
}
