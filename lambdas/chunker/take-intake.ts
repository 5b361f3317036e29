/** Takes one intake message: chunks the dumps it names, and says whether the message is to be seen again. */
import { dayOf } from '../../shared/budget.ts';
import { type Importer, type Source, sourceOf } from '../../shared/config.ts';
import { type Dump, dumpId, dumpUrl } from '../../shared/dump.ts';
import type { Ledger } from '../../shared/ledger.ts';
import { describeError, type Log } from '../../shared/log.ts';
import { DumpUnreadable } from '../../shared/objects.ts';
import type { Queue } from '../../shared/queue.ts';
import { type ChunkDumpOutcome, type ChunkDumpPorts, chunkDump } from './chunk-dump.ts';
import { INTAKE_MAX_RECEIVES, intakeBackOffMs } from './intake-back-off.ts';
import { type MakeReadyOutcome, makeReady } from './make-ready.ts';
import { importMessage, type Intake, readNotification } from './notification.ts';
import { endTurnOf, leaveTurn, takeTurn, type TakeTurnPorts } from './take-turn.ts';

export type IntakePorts = ChunkDumpPorts &
  TakeTurnPorts & {
    readonly ledger: Ledger;
    readonly importer: Importer;
    readonly fingerprint: string;
    readonly owner: string;
    readonly log: Log;
    /** Where a message that is given up goes. */
    readonly deadLetters: Pick<Queue, 'send'>;
    /** Where dumps wait for the next day's budget; without it their messages come back every few minutes to look. */
    readonly held?: {
      hold(source: string, message: string): Promise<void>;
      /** Whether one of the source waits here. */
      holds(source: string): boolean;
    };
    /** A dump that was tried more often without coming any further is given up. */
    readonly maxTries: number;
    /** How many dumps, or parts of one, are read at a time; parts are worth it from 2 on. */
    readonly readers: number;
  };

/** What cannot be made ready after so many receives is left to the dump's reader. */
const MAX_PART_RECEIVES = 5;

/** Characters of the reason that a dead letter carries. */
const MAX_REASON = 300;

/** Undefined when the message is done with; otherwise the milliseconds after which to see it again. Never throws. */
export async function takeIntake(body: string, receives: number, ports: IntakePorts): Promise<number | undefined> {
  try {
    const [first] = intakesOf(body);
    if (first?.part !== undefined) return await takePart(first, first.part, receives, ports);
    if (await isGivenUp(body, receives, ports)) return await giveUp(body, ports);
    const waits: number[] = [];
    for (const intake of readNotification(body)) {
      const waitMs = await takeDump(intake, receives, ports);
      if (waitMs !== undefined) waits.push(waitMs);
    }
    return waits.length > 0 ? Math.min(...waits) : undefined;
  } catch (error) {
    // Undefined while the ledger cannot be asked: then nothing is given up.
    const counted = receives === 1 ? 1 : await countTries(body, receives, ports.ledger).catch(() => undefined);
    if (counted !== undefined && counted >= ports.maxTries && (await isGivenUpFor(error, body, ports)))
      return undefined;
    const tries = counted ?? receives;
    const waitMs = intakeBackOffMs(tries);
    ports.measure({ DumpsTriedAgain: 1 });
    ports.log('warn', 'dump is tried again', { error: describeError(error), receives, tries, waitMs });
    return waitMs;
  }
}

/** After its last try it is given up with what went wrong; false when it could not be, which the next receive makes good. */
function isGivenUpFor(error: unknown, body: string, ports: IntakePorts): Promise<boolean> {
  return giveUp(body, ports, error).then(
    () => true,
    () => false,
  );
}

async function isGivenUp(body: string, receives: number, { ledger, maxTries }: IntakePorts): Promise<boolean> {
  if (receives > INTAKE_MAX_RECEIVES) return true;
  return receives > maxTries && (await countTries(body, receives, ledger)) > maxTries;
}

/** How often the message was received, this time included, since a dump of it came any further. */
async function countTries(body: string, receives: number, ledger: Pick<Ledger, 'entry'>): Promise<number> {
  const entries = await Promise.all(intakesOf(body).map(({ dump }) => ledger.entry(dumpId(dump))));
  const before = entries.map((entry) => entry?.checkpoint.receives ?? 0);
  // What says more is of another message of the dump.
  return Math.max(1, receives - Math.max(0, ...before.filter((count) => count <= receives)));
}

/** None where nobody can read it. */
function intakesOf(body: string): readonly Intake[] {
  try {
    return readNotification(body);
  } catch {
    return [];
  }
}

/** Whether it failed or its reader crashed each time: what stands behind it in the line goes on. */
async function giveUp(body: string, ports: IntakePorts, cause?: unknown): Promise<undefined> {
  const { owner, maxTries, importer, log, measure } = ports;
  const attributes = cause === undefined ? undefined : { reason: reasonOf(cause) };
  await ports.deadLetters.send([{ id: owner, body, ...(attributes && { attributes }) }]);
  const intakes = intakesOf(body);
  if (intakes.length === 0) log('error', 'message is given up', { error: 'it names no dump; it is a dead letter' });
  for (const intake of intakes) {
    const source = chooseSource(intake, importer);
    if (source?.inOrder) await leaveTurn(intake, source, ports);
    const error = `it was tried ${maxTries} times and came no further; its message is a dead letter: replay it`;
    measure({ DumpsFailed: 1 });
    log('error', 'dump is given up', { ...named(intake), error, ...attributes });
  }
  return undefined;
}

/** As `status` and `dlq` show it. SQS takes no control characters in an attribute. */
function reasonOf(error: unknown): string {
  const text = describeError(error).replace(/[^\x20-\x7e]+/g, ' ');
  return text.length > MAX_REASON ? `${text.slice(0, MAX_REASON)}…` : text;
}

async function takeDump(intake: Intake, receives: number, ports: IntakePorts): Promise<number | undefined> {
  const { importer, log, now, fingerprint, owner } = ports;
  const began = now();
  const source = chooseSource(intake, importer);
  if (!source && intake.source !== undefined) {
    ports.measure({ DumpsFailed: 1 });
    log('error', 'dump is not imported', {
      ...named(intake),
      error: `the configuration has no source "${intake.source}"`,
    });
    return undefined;
  }
  if (!source) {
    log('info', 'object is no dump: no source takes its key', named(intake));
    return undefined;
  }
  // What stands in line behind a dump that waits for the next day does not have its turn before.
  if (source.inOrder && ports.held?.holds(source.name)) return await holdBack(intake, source, ports);
  if (source.inOrder && !(await takeTurn(intake, source, ports))) return undefined;
  const sized = await withSize(intake.dump, ports);
  if (!sized) {
    if (source.inOrder) await leaveTurn(intake, source, ports);
    return undefined;
  }
  const again = intake.again === undefined ? {} : { again: intake.again };
  const others = ports.readers > 1 && { askForParts: askFor(sized, source, ports) };
  const request = { dump: sized, source, importer, fingerprint, owner, receives, ...again };
  const outcome = await chunkDump(request, { ...ports, ...others });
  if (outcome.kind === 'braked') return await brake(intake, source, outcome.until, ports);
  if (outcome.kind === 'shortly') return await sendAnew(intake, SHORTLY_MS, ports);
  const { kind, ...fields } = outcome;
  if (source.inOrder && (kind === 'read' || kind === 'known')) await endTurnOf(intake, source, ports);
  const isBroken = kind === 'read' && outcome.failure !== undefined;
  if (kind === 'read') ports.measure(isBroken ? { DumpsFailed: 1 } : { DumpsRead: 1 });
  log(isBroken ? 'error' : 'info', `dump ${SAID[kind]}`, {
    ...named(intake),
    source: source.name,
    ...fields,
    ms: now() - began,
  });
  return waitAfter(outcome, now());
}

/** The source's events of the day are sent: this rings, and the dump waits for the next day. */
async function brake(intake: Intake, source: Source, until: number, ports: IntakePorts): Promise<undefined> {
  const { log, measure, now } = ports;
  const { name, eventsPerDay = 0 } = source;
  measure({ DumpsBraked: 1 });
  log('warn', 'dump waits for the budget of the next day', {
    ...named(intake),
    source: name,
    reason: `source ${name} has sent its ${eventsPerDay} events of ${dayOf(now())} (eventsPerDay); it goes on at ${new Date(until).toISOString()}`,
  });
  if (ports.held) return await holdBack(intake, source, ports);
  return await sendAnew(intake, Math.min(LOOK_MS, until - now()), ports);
}

async function holdBack(intake: Intake, { name }: Source, { held }: IntakePorts): Promise<undefined> {
  await held?.hold(name, importMessage(intake));
}

/** As a new message, so that waiting neither counts as tries nor lets the message grow old. */
async function sendAnew(intake: Intake, delayMs: number, { intake: queue, now }: IntakePorts): Promise<undefined> {
  await queue.send([{ id: `${dumpId(intake.dump)}-${now()}`, body: importMessage(intake), delayMs }]);
}

/** How lines name a dump. */
function named({ dump }: Intake): { readonly dump: string; readonly dumpId: string } {
  return { dump: dumpUrl(dump), dumpId: dumpId(dump) };
}

/** As messages of its own, which whoever is free takes. */
function askFor(dump: Dump, { name }: Source, { intake }: IntakePorts): (parts: number) => Promise<void> {
  return (parts) =>
    intake.send(
      Array.from({ length: parts }, (_, i) => {
        const part = i + 1;
        return { id: `${dumpId(dump)}-part-${part}`, body: importMessage({ dump, source: name, part }) };
      }),
    );
}

/** Nothing depends on it but time. */
async function takePart(
  intake: Intake,
  part: number,
  receives: number,
  ports: IntakePorts,
): Promise<number | undefined> {
  const { importer, log, now, fingerprint } = ports;
  const began = now();
  const { size } = intake.dump;
  const source = chooseSource(intake, importer);
  if (!source || size === undefined) return undefined;
  const said = { dump: dumpUrl(intake.dump), source: source.name, part };
  if (receives > MAX_PART_RECEIVES) {
    log('warn', 'part is left to the reader of its dump', { ...said, receives });
    return undefined;
  }
  const request = { dump: { ...intake.dump, size }, source, importer, fingerprint, part };
  const { kind, segments } = await makeReady(request, ports);
  log('info', `part is ${SAID_OF_PART[kind]}`, { ...said, segments, ms: now() - began });
  return kind === 'unfinished' ? 0 : undefined;
}

const SAID_OF_PART: Readonly<Record<MakeReadyOutcome['kind'], string>> = {
  ready: 'ready',
  overtaken: 'no longer needed',
  unfinished: 'made ready further in the next invocation',
  'given-up': 'left to the reader of its dump',
};

/** SQS delays no message for longer; so soon a raised cap is seen, too. */
const LOOK_MS = 900_000;
/** A segment takes seconds. */
const SHORTLY_MS = 15_000;

type Said = Exclude<ChunkDumpOutcome, { kind: 'braked' | 'shortly' }>;

const SAID: Readonly<Record<Said['kind'], string>> = {
  read: 'chunked',
  known: 'is known already',
  busy: 'is being read by another chunker',
  unfinished: 'goes on from its checkpoint in the next invocation',
  lost: 'went to another chunker',
};

function waitAfter(outcome: Said, now: number): number | undefined {
  switch (outcome.kind) {
    case 'read':
    case 'known':
      return undefined;
    case 'unfinished':
      return 0;
    case 'busy':
      return Math.max(1_000, outcome.until - now);
    case 'lost':
      return 5_000;
  }
}

function chooseSource(intake: Intake, importer: Importer): Source | undefined {
  if (intake.source === undefined) return sourceOf(importer, intake.dump.key);
  return importer.sources.find((source) => source.name === intake.source);
}

/** Undefined when the object is gone: there is nothing to import any more. */
async function withSize(dump: Intake['dump'], ports: IntakePorts): Promise<Dump | undefined> {
  if (dump.size !== undefined) return { ...dump, size: dump.size };
  try {
    return { ...dump, size: await ports.dumps.size(dump) };
  } catch (error) {
    if (!(error instanceof DumpUnreadable)) throw error;
    ports.measure({ DumpsFailed: 1 });
    ports.log('error', 'dump is gone', { dump: dumpUrl(dump), dumpId: dumpId(dump), error: error.message });
    return undefined;
  }
}
