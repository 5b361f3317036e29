/** A dump of a source that wants its dumps in order waits for its turn, has it, and gives it up. */
import { sumBooks } from '../../shared/books.ts';
import type { Source } from '../../shared/config.ts';
import { dumpId, dumpUrl } from '../../shared/dump.ts';
import type { Ledger, Line, OpenDump } from '../../shared/ledger.ts';
import type { Log } from '../../shared/log.ts';
import type { Queue } from '../../shared/queue.ts';
import {
  type Candidate,
  endTurn,
  enterLine,
  hasLapsed,
  leaveLine,
  type LineTimes,
  noteProgress,
  openTurn,
  placeIn,
  type Standing,
  tidyLine,
  waitMs,
} from './line.ts';
import { type Intake, importMessage } from './notification.ts';

export type TakeTurnPorts = {
  readonly ledger: Pick<Ledger, 'entry' | 'segments' | 'line' | 'saveLine'>;
  /** The queue that the dump's message came from. */
  readonly intake: Pick<Queue, 'send'>;
  readonly line: LineTimes;
  readonly log: Log;
  now(): number;
};

/** Each try that fails means that another dump's step went through. */
const MAX_TRIES = 20;

/**
 * True when the dump has the turn, or needs none because it is known. Otherwise its message is done with: it waits as a
 * new one, so that what is received in vain is only what fails, however long it waits.
 */
export async function takeTurn(intake: Intake, source: Source, ports: TakeTurnPorts): Promise<boolean> {
  const dump = candidateOf(intake);
  const isKnown = intake.again === undefined && (await hasBeenRead(dump, ports.ledger));
  if (isKnown) return true;
  const now = ports.now();
  const { line } = tidyLine((await ports.ledger.line(source.name)).line, now);
  const place = placeIn(line, dump, now, ports.line);
  if (place.kind === 'open') return true;
  const said = { dump: dumpUrl(intake.dump), source: source.name };
  if (place.kind === 'repeat') {
    ports.log('info', 'dump waits for its turn already', said);
    return false;
  }
  const standing = place.kind === 'next' ? await standingOf(line.open, ports.ledger) : undefined;
  if (standing && (await openNext(line, dump, standing, source, ports))) return true;
  const ms = waitMs(line, place, now, ports.line);
  // First the message, then the line: what the line knows of has a message.
  await ports.intake.send([{ id: `${dump.dumpId}-${now}`, body: importMessage(intake), delayMs: ms }]);
  await changeLine(source, ports, (latest) => {
    const watched = standing && latest.open?.id === line.open?.id ? noteProgress(latest, standing, now) : latest;
    return enterLine(watched, dump, now, ms);
  });
  ports.log('info', 'dump waits for its turn', { ...said, ahead: place.ahead, waitMs: ms });
  return false;
}

/** Every record is read and every chunk on its queue, or the dump was known: the next one waits for the chunks alone. */
export async function endTurnOf(intake: Intake, source: Source, ports: TakeTurnPorts): Promise<void> {
  await changeLine(source, ports, (line) => endTurn(line, candidateOf(intake)));
}

/** The dump will never be read: it holds up nobody. */
export async function leaveTurn(intake: Intake, source: Source, ports: TakeTurnPorts): Promise<void> {
  await changeLine(source, ports, (line) => leaveLine(line, candidateOf(intake)));
}

/** A request to read a dump once more waits beside the dump's own message. */
function candidateOf({ dump, again }: Intake): Candidate {
  const id = dumpId(dump);
  return { id: again === undefined ? id : `${id} ${again}`, dumpId: id, key: dump.key };
}

async function hasBeenRead(dump: Candidate, ledger: TakeTurnPorts['ledger']): Promise<boolean> {
  const entry = await ledger.entry(dump.dumpId);
  return entry !== undefined && entry.state !== 'reading';
}

/** What is parked or dead holds up nobody: it comes late anyway. */
async function standingOf(open: OpenDump | undefined, ledger: TakeTurnPorts['ledger']): Promise<Standing> {
  if (!open) return { isOver: true, progress: '' };
  const entry = await ledger.entry(open.dumpId);
  if (!entry) return { isOver: open.isRead, progress: 'not begun' };
  const { run, state, checkpoint } = entry;
  // Before its turn a dump that is to be read once more was read already.
  const isRead = state !== 'reading' && (open.isRead || open.id === open.dumpId);
  if (!isRead) {
    return { isOver: false, progress: `run ${run} ${state} segment ${checkpoint.segment}` };
  }
  const inFlight = state === 'closed' ? 0 : sumBooks(await ledger.segments(entry)).inFlight;
  return { isOver: inFlight === 0, progress: `run ${run} ${inFlight} in flight` };
}

/** False when the open dump is not over, or somebody else was quicker. */
async function openNext(
  { open }: Line,
  dump: Candidate,
  standing: Standing,
  source: Source,
  ports: TakeTurnPorts,
): Promise<boolean> {
  const now = ports.now();
  const isStuck = open !== undefined && hasLapsed(open, standing, now);
  if (!standing.isOver && !isStuck) return false;
  const isOpen = await changeLine(source, ports, (latest) => openTurn(latest, dump, open, now));
  if (isOpen && isStuck) {
    const error = 'it made no step for a day: its message, or one of its chunks, is lost; the next dump goes on';
    ports.log('error', 'dump is stuck', { dump: open.key, source: source.name, error });
  }
  return isOpen;
}

/** False when `change` has nothing to change. */
async function changeLine(
  { name }: Source,
  { ledger, log, now }: TakeTurnPorts,
  change: (line: Line) => Line | undefined,
): Promise<boolean> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const { line: found, rev } = await ledger.line(name);
    const { line, lost } = tidyLine(found, now());
    const changed = change(line);
    if (!changed) return false;
    if (!(await ledger.saveLine(name, changed, rev))) continue;
    for (const { key } of lost) {
      const error = 'its message did not come back: drop it again if it is not imported';
      log('error', 'dump is lost in the line', { dump: key, source: name, error });
    }
    return true;
  }
  throw new Error(`the line of source ${name} is changed by many at once: lost ${MAX_TRIES} times; try again later`);
}
