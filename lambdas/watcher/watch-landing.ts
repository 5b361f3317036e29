/** The watcher's story: lost notifications are found and mended, and daily files that are not in are told of. */
import type { Importer } from '../../shared/config.ts';
import { dumpId, dumpUrl } from '../../shared/dump.ts';
import type { Ledger } from '../../shared/ledger.ts';
import type { LedgerView, ListedDump } from '../../shared/ledger-view.ts';
import type { Landing } from '../../shared/landing.ts';
import type { Log } from '../../shared/log.ts';
import type { Measure } from '../../shared/metrics.ts';
import type { Results } from '../../shared/objects.ts';
import { MAX_BATCH, type Queue } from '../../shared/queue.ts';
import { importMessage, readNotification } from '../chunker/notification.ts';
import { dueFiles, stillSeconds } from './due-files.ts';
import {
  chooseRedriven,
  findSuspects,
  type Lost,
  MAX_AGE_MS,
  MAX_REDRIVEN,
  nameOf,
  prefixesOf,
  type Seen,
  type Suspect,
} from './find-lost.ts';
import { readState, type WatchState, writeState } from './watch-state.ts';

export type WatchPorts = {
  readonly importer: Importer;
  readonly landing: Landing;
  readonly view: LedgerView;
  readonly ledger: Pick<Ledger, 'entry' | 'line'>;
  readonly intake: Pick<Queue, 'send' | 'size'>;
  readonly deadLetters: Pick<Queue, 'receive' | 'size'>;
  readonly results: Pick<Results, 'get' | 'put'>;
  readonly log: Log;
  readonly measure: Measure;
};

const DAY_MS = 86_400_000;
/** Of 1,000 objects each: what is longer goes on in the next run. With a run every 15 minutes that is at most $3 a month. */
const MAX_PAGES = 200;
/** Dead letters are kept so long; of what is older nothing can move any more. */
const OPEN_FOR_MS = 14 * DAY_MS;
/** As long as `status` calls it under way. */
const STILL_MS = 6 * 3_600_000;
/** Dumps that are looked at for how long they have not moved, the oldest ones. */
const MAX_LOOKED_AT = 50;
/** Dead letters that are looked at; where there are more, nothing is asked for: what is lost may be among them. */
const MAX_DEAD = 1_000;
/** Long enough to look at them all, and short enough for a replay that comes upon them. */
const DEAD_HIDDEN_MS = 30_000;

/** One look. `now` is the time for which it was planned, ms since epoch. */
export async function watchLanding(now: number, ports: WatchPorts): Promise<void> {
  const [open, closed] = await readDumps(now, ports);
  await mendLost(now, [...open, ...closed], ports);
  await tellDue(now, [...open, ...closed], ports);
  await tellStill(now, open, ports);
}

/** Those that are under way, and those that were begun lately and are closed. */
async function readDumps(now: number, { view }: WatchPorts): Promise<readonly [ListedDump[], ListedDump[]]> {
  // In the order in which they come about: one that changes its state meanwhile is seen in one of the two.
  const reading = await Array.fromAsync(view.list('reading', now - OPEN_FOR_MS));
  const read = await Array.fromAsync(view.list('read', now - OPEN_FOR_MS));
  return [[...reading, ...read], await Array.fromAsync(view.list('closed', now - MAX_AGE_MS - DAY_MS))];
}

async function mendLost(now: number, dumps: readonly ListedDump[], ports: WatchPorts): Promise<void> {
  const { importer, results, intake, log, measure } = ports;
  const state = await readState(results);
  // A source that is new is watched from now on: what lay there before was meant for nobody.
  const since = Object.fromEntries(importer.sources.map(({ name }) => [name, state.since[name] ?? now]));
  const known = new Set(dumps.map(({ dump }) => nameOf(dump)));
  const { suspects, listed, after } = await listSuspects({ now, importer, known, since }, state, ports);
  const lost = await confirmLost(suspects, ports);
  const { chosen, later } = lost.length === 0 ? { chosen: [], later: 0 } : await choose(now, lost, state, ports);
  const redriven = Object.fromEntries(Object.entries(state.redriven).filter(([, at]) => now - at < MAX_AGE_MS));
  for (const { dump } of chosen) redriven[dumpId(dump)] = now;
  await intake.send(chosen.map(({ dump }) => ({ id: dumpId(dump), body: importMessage({ dump }) })));
  const next = { since, after, redriven };
  if (JSON.stringify(next) !== JSON.stringify(state)) await writeState(results, next);
  for (const { dump, source } of chosen) {
    log('warn', 'dump is asked for once more: nobody was told of it', { ...named(dump), source });
  }
  measure({ DumpsRedriven: chosen.length });
  log('info', 'landing bucket watched', { listed, lost: lost.length, redriven: chosen.length, later });
}

type Listed = { readonly suspects: readonly Suspect[]; readonly listed: number; readonly after: WatchState['after'] };

/** Each prefix from where the last run stopped, as far as this one may go. */
async function listSuspects(seen: Seen, state: WatchState, { landing }: WatchPorts): Promise<Listed> {
  const suspects: Suspect[] = [];
  const after: Record<string, string> = {};
  const prefixes = prefixesOf(seen.importer);
  let listed = 0;
  for (const prefix of prefixes) {
    let pages = 0;
    for await (const objects of landing.list(prefix, state.after[prefix])) {
      listed += objects.length;
      suspects.push(...findSuspects(objects, seen));
      pages += 1;
      const last = objects.at(-1);
      if (last && (pages >= MAX_PAGES / prefixes.length || suspects.length >= MAX_REDRIVEN)) {
        after[prefix] = last.key;
        break;
      }
    }
  }
  return { suspects, listed, after };
}

/** The list of dumps is a moment late, and has no dump that was begun long ago. */
async function confirmLost(suspects: readonly Suspect[], { landing, ledger }: WatchPorts): Promise<readonly Lost[]> {
  const lost: Lost[] = [];
  for (const suspect of suspects) {
    const dump = await landing.identify(suspect);
    if (!dump || (await ledger.entry(dumpId(dump)))) continue;
    lost.push({ dump, source: suspect.source.name, modifiedAt: suspect.modifiedAt });
  }
  return lost;
}

async function choose(now: number, lost: readonly Lost[], { redriven }: WatchState, ports: WatchPorts) {
  const { importer, ledger, intake, deadLetters, log } = ports;
  const inLine = new Set<string>();
  for (const { name } of importer.sources.filter(({ inOrder }) => inOrder)) {
    const { open, waiting } = (await ledger.line(name)).line;
    for (const { id } of [...(open ? [open] : []), ...waiting]) inLine.add(id.split(' ')[0] ?? id);
  }
  const dead = await readDead(deadLetters);
  if (!dead) {
    log('warn', 'nothing is asked for once more: it may be among the dead letters', { lost: lost.length });
    return { chosen: [], later: lost.length };
  }
  const { visible: backlog } = await intake.size();
  return chooseRedriven(lost, { now, backlog, inLine, dead, redriven });
}

/** Ids of the dumps that were given up; undefined when there are too many to look at. */
async function readDead(deadLetters: WatchPorts['deadLetters']): Promise<ReadonlySet<string> | undefined> {
  const { visible, hidden } = await deadLetters.size();
  const ids = new Set<string>();
  if (visible === 0) return hidden === 0 ? ids : undefined;
  for (let seen = 0; seen < MAX_DEAD; ) {
    const messages = await deadLetters.receive({ max: MAX_BATCH, visibilityMs: DEAD_HIDDEN_MS, waitMs: 1_000 });
    if (messages.length === 0) return ids;
    seen += messages.length;
    for (const id of messages.flatMap(({ body }) => idsIn(body))) ids.add(id);
  }
  return undefined;
}

/** None where nobody can read the message. */
function idsIn(body: string): readonly string[] {
  try {
    return readNotification(body).map(({ dump }) => dumpId(dump));
  } catch {
    return [];
  }
}

async function tellDue(now: number, dumps: readonly ListedDump[], ports: WatchPorts): Promise<void> {
  const { importer, ledger, log, measure } = ports;
  const isIn = async ({ state, dumpId: id }: ListedDump) => {
    return state === 'closed' && (await ledger.entry(id))?.failure === undefined;
  };
  let [missing, late] = [0, 0];
  for (const {
    source,
    day,
    expect: { by, zone },
    dumps: files,
  } of dueFiles(importer.sources, dumps, now)) {
    const said = { source, day, by, zone };
    let isComplete = false;
    for (const file of files) isComplete ||= await isIn(file);
    if (isComplete) continue;
    if (files.length === 0) {
      missing += 1;
      log('error', 'daily file is missing', said);
    } else {
      late += 1;
      log('error', 'daily file is not complete', { ...said, dumps: files.map(({ dump }) => dumpUrl(dump)) });
    }
  }
  measure({ FilesMissing: missing, FilesLate: late });
}

async function tellStill(now: number, open: readonly ListedDump[], { view, log, measure }: WatchPorts): Promise<void> {
  const old = open.filter(({ startedAt }) => now - startedAt >= STILL_MS);
  let longest = 0;
  // Of a dump that was begun earlier: the chunks of later ones wait behind its chunks in their lanes.
  let isMoving: boolean = false;
  for (const { dumpId: id, dump } of old.toSorted((a, b) => a.startedAt - b.startedAt).slice(0, MAX_LOOKED_AT)) {
    const found = await view.view(id);
    const isBehind: boolean = isMoving && found?.entry.state === 'read';
    const seconds: number = found && !isBehind ? stillSeconds(found, now) : 0;
    if (found && !isBehind) isMoving ||= found.entry.state !== 'closed' && seconds * 1_000 < STILL_MS;
    if (seconds * 1_000 >= STILL_MS) log('error', 'dump does not move', { ...named(dump), seconds });
    longest = Math.max(longest, seconds);
  }
  measure({ DumpStillSeconds: longest });
}

function named(dump: ListedDump['dump']): { readonly dump: string; readonly dumpId: string } {
  return { dump: dumpUrl(dump), dumpId: dumpId(dump) };
}
