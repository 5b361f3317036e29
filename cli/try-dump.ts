/** Takes records of a dump through everything that an import does before it sends, and says of each what would become of it. */
import { type CapWarning, capWarnings } from '../lambdas/chunker/cap-warnings.ts';
import type { MadeEvents, RefusedEvent } from '../lambdas/chunker/make-events.ts';
import type { RawRecord } from '../lambdas/chunker/raw-record.ts';
import { readRecords } from '../lambdas/chunker/read-records.ts';
import { bytesOfText } from '../lambdas/chunker/spliced-text.ts';
import type { Transform } from '../lambdas/chunker/transform.ts';
import type { JsonObject } from '../shared/amplitude-event.ts';
import { dumpUrl } from '../shared/dump.ts';
import { parseExactly } from '../shared/exact-json.ts';
import { START } from '../shared/ledger.ts';
import { targetsOf } from '../shared/target.ts';
import type { NamedDump } from './named-dump.ts';
import { targetName } from './target-name.ts';

/** A record and what became of it. */
export type Trial = {
  readonly record: RawRecord;
  readonly made: MadeEvents;
  /** The events that would be sent, in order, as their text says. */
  readonly events: readonly TriedEvent[];
  /** Events that Amplitude would never take, made of a record that also made another. */
  readonly refused: readonly RefusedEvent[];
};

export type TriedEvent = {
  readonly event: JsonObject;
  readonly warnings: readonly CapWarning[];
  /** That it goes to, where the source has a route. */
  readonly project?: string;
};

export type TryRequest = NamedDump & {
  /** 1-based; records before this position are passed over. */
  readonly from: number;
  /** How many are shown. */
  readonly limit: number;
  /** Show only what is wrong (`hasTrouble`), and go through the dump until there are so many. */
  readonly onlyTrouble: boolean;
};

export type TryPorts = {
  readonly transform: Transform;
  /** Told of every record that is looked at. */
  add(trial: Trial): void;
  /** Told of every record that is to be shown, after `add`. */
  show(trial: Trial): void;
  /** Records that were read so far, after each block. */
  progress(read: number): void;
  readonly signal: AbortSignal;
};

export type TryEnd = {
  /** The last record that was read; 0 when there is none. */
  readonly last: number;
  /** Whether the dump has nothing after it. */
  readonly isWhole: boolean;
  /** Why the dump cannot be read on. */
  readonly failure?: string;
};

/** Throws what a batch step of the source throws, with the records that it was about. */
export async function tryDump(request: TryRequest, ports: TryPorts): Promise<TryEnd> {
  const { dump, dumps, source, from, limit, onlyTrouble } = request;
  let shown = 0;
  let last = 0;
  for await (const { records, failure } of readRecords(dump, source, START, dumps)) {
    if (failure !== undefined) return { last, isWhole: false, failure };
    const wanted = records.filter(({ position }) => position >= from);
    // Functions of the configuration may ask somebody else: no more of them than will be looked at.
    const some = onlyTrouble ? wanted : wanted.slice(0, limit - shown);
    for (const trial of await tryRecords(some, request, ports.transform)) {
      ports.add(trial);
      last = trial.record.position;
      if (onlyTrouble && !hasTrouble(trial)) continue;
      ports.show(trial);
      shown += 1;
      if (shown === limit) return { last, isWhole: false };
    }
    last = records.at(-1)?.position ?? last;
    ports.progress(last);
    if (ports.signal.aborted) return { last, isWhole: false };
  }
  return { last, isWhole: true };
}

async function tryRecords(
  records: readonly RawRecord[],
  { dump, source }: TryRequest,
  transform: Transform,
): Promise<readonly Trial[]> {
  const [first] = records;
  if (!first) return [];
  const projects = source.route && targetsOf(source).map(targetName);
  try {
    const made = await transform(records, dump.key);
    return records.flatMap((record, i) => trialOf(record, made[i], projects) ?? []);
  } catch (cause) {
    const positions = `${first.position} to ${records.at(-1)?.position}`;
    throw new Error(`cannot make events of records ${positions} of ${dumpUrl(dump)}`, { cause });
  }
}

function trialOf(
  record: RawRecord,
  made: MadeEvents | undefined,
  projects: readonly string[] | undefined,
): Trial | undefined {
  if (made === undefined) return undefined;
  if (made.kind !== 'events') return { record, made, events: [], refused: [] };
  const events = made.events.map((prepared) => {
    const event = parseExactly(bytesOfText(prepared).toString()) as JsonObject;
    const project = projects?.[prepared.project ?? 0];
    return { event, warnings: capWarnings(event), ...(project !== undefined && { project }) };
  });
  return { record, made, events, refused: made.refused };
}

/** Something of it does not reach Amplitude, or not as it stands. What the configuration leaves out is as it should be. */
function hasTrouble({ made, events, refused }: Trial): boolean {
  return made.kind === 'unusable' || refused.length > 0 || events.some(({ warnings }) => warnings.length > 0);
}
