/** Finds the dumps that a person asks about, and how each of them stands. */
import { resolve } from 'node:path';
import { type Importer, type Source, sourceOf } from '../shared/config.ts';
import { type Day, earliestOf, isOfDay } from '../shared/date-of-dump.ts';
import { dumpUrl } from '../shared/dump.ts';
import { isFileOf } from '../shared/expectation.ts';
import { LedgerNotIndexed, type ListedDump } from '../shared/ledger-view.ts';
import { lookAtDead } from './dead-letters.ts';
import { type DumpStatus, EMPTY_BOOKS, givenUpNote, markSuperseded, type Situation, statusOf } from './dump-status.ts';
import { expectedFiles } from './expected-files.ts';
import { count } from './figure.ts';
import { findReceipt } from './find-receipt.ts';
import type { LookEngine } from './look-engine.ts';
import { readDeadMessage } from './replay-dead-message.ts';
import { UsageError } from './usage.ts';

export type Wanted = {
  /** Its id, its path or address, or a part of that. */
  readonly name?: string | undefined;
  readonly day?: Day | undefined;
  /** Its sources may expect files of the day. */
  readonly importer?: Importer | undefined;
  /** What is complete and was begun earlier than so long ago does not count; where a name or a day is given, all does. */
  readonly sinceMs: number;
};

export type FindProgress = (done: number, of: number) => void;

/** A dump that was announced, or given up, before anybody began it. */
type Unbegun = { readonly dumpId: string; readonly dump: string; readonly since: number };

/** Dumps that are looked at at a time. */
const AT_A_TIME = 16;

/** The newest first. What is complete is looked at once: a finder may be asked again and again. */
export function statusFinder(engine: LookEngine, wanted: Wanted, now: () => number = Date.now) {
  const finished = new Map<string, DumpStatus>();
  return async (progress: FindProgress = () => undefined): Promise<readonly DumpStatus[]> => {
    const isAtWork = engine.isAtWork?.();
    const { given, situation } = await readSituation(engine, now(), isAtWork);
    const { dumps: listed, sources } = await listWanted(engine, wanted, now());
    const statuses: DumpStatus[] = [];
    const rest = listed.values();
    const take = async () => {
      for (const { dumpId, state } of rest) {
        const known = state === 'closed' ? finished.get(dumpId) : undefined;
        const view = known ? undefined : await engine.view.view(dumpId);
        const status = known ?? (view && statusOf(view, situation));
        if (!status) continue;
        // An amendment of it shows as a dump that is not closed any more.
        if (status.view?.entry.state === 'closed' && !status.view.entry.amending) finished.set(dumpId, status);
        else finished.delete(dumpId);
        statuses.push(status);
        progress(statuses.length, listed.length);
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, take));
    const known = new Set(statuses.map(({ dumpId }) => dumpId));
    const unbegun = [
      ...(await announced(engine, sources, situation)),
      ...given.map((dump) => asGivenUp(dump, situation)),
    ];
    for (const status of unbegun) {
      if (known.has(status.dumpId) || !(await isNew(status, engine)) || !isWanted(status, wanted)) continue;
      known.add(status.dumpId);
      statuses.push(status);
    }
    const { name, day, importer } = wanted;
    const isOfWholeDay = day !== undefined && name === undefined;
    const expected = importer && isOfWholeDay ? expectedFiles(importer, statuses, day, now()) : [];
    const sorted = statuses.toSorted((a, b) => b.since - a.since || (a.key < b.key ? -1 : 1));
    return [...expected, ...markSuperseded(sorted)];
  };
}

async function readSituation(engine: LookEngine, now: number, isAtWork: boolean | undefined) {
  const givenUp = new Map<string, string>();
  const given: Unbegun[] = [];
  await lookAtDead(engine.deadLetters.intake, ({ dumps, reason, message }) => {
    for (const { id, url } of dumps) {
      givenUp.set(id, reason);
      given.push({ dumpId: id, dump: url, since: message.sentAt });
    }
  });
  const situation: Situation = { now, givenUp, options: engine.options, ...(isAtWork !== undefined && { isAtWork }) };
  return { given, situation };
}

type Listing = { readonly dumps: readonly ListedDump[]; readonly sources: ReadonlySet<string> };

/** All that is not closed, however old, and of the rest what is asked for. `sources` have perhaps more that waits for its turn. */
async function listWanted(engine: LookEngine, wanted: Wanted, now: number): Promise<Listing> {
  const { name, day, sinceMs } = wanted;
  const named = name === undefined || day !== undefined ? undefined : await engine.view.view(name);
  if (named) return listingOf([named.entry]);
  const from = day === undefined ? (name === undefined ? now - sinceMs : 0) : earliestOf(day);
  const found = new Map<string, ListedDump>();
  try {
    // In the order in which they come about: one that changes its state meanwhile is seen in one of the two.
    for (const state of ['reading', 'read', 'closed'] as const) {
      for await (const dump of engine.view.list(state, state === 'closed' ? from : 0)) found.set(dump.dumpId, dump);
    }
  } catch (error) {
    if (error instanceof LedgerNotIndexed) return listingOf([await findUnlisted(engine, wanted)]);
    throw error;
  }
  const { sources } = listingOf([...found.values()]);
  const matching = [...found.values()].filter(({ dumpId, dump, startedAt, source }) =>
    isWanted({ dumpId, dump: dumpUrl(dump), key: dump.key, since: startedAt }, wanted, sourceNamed(source, wanted)),
  );
  const exact = matching.filter(({ dumpId, dump }) => isExactly({ dumpId, dump: dumpUrl(dump) }, name));
  return { dumps: exact.length > 0 ? exact : matching, sources };
}

function listingOf(dumps: readonly ListedDump[]): Listing {
  return { dumps, sources: new Set(dumps.map(({ source }) => source)) };
}

/** In a stack of an earlier release a dump is found by its id, or by its receipt. */
async function findUnlisted(engine: LookEngine, { name, day }: Wanted): Promise<ListedDump> {
  if (name === undefined || day !== undefined) {
    throw new UsageError(
      'the stack is of an earlier release, whose ledger cannot list its dumps (or its index is just being made): deploy ' +
        'it once more, or name one dump by its id, or by its name if it has a receipt',
    );
  }
  const entry = async (id: string) => (await engine.view.view(id))?.entry;
  return findReceipt(name, { ledger: { entry }, results: engine.results });
}

type Named = Pick<DumpStatus, 'dumpId' | 'dump' | 'key' | 'since'>;

function isWanted(
  { dumpId, dump, key, since }: Named,
  { name, day, importer }: Wanted,
  source = importer && sourceOf(importer, key),
): boolean {
  const isNamed = name === undefined || isExactly({ dumpId, dump }, name) || dump.includes(name);
  if (!isNamed || day === undefined) return isNamed;
  return source?.expect ? isFileOf(source.expect, key, since, day) : isOfDay(key, since, day);
}

function sourceNamed(name: string, { importer }: Wanted): Source | undefined {
  return importer?.sources.find((source) => source.name === name);
}

function isExactly({ dumpId, dump }: Pick<Named, 'dumpId' | 'dump'>, name: string | undefined): boolean {
  return name !== undefined && (dumpId === name || dump === name || dump === resolve(name));
}

/** Known to the ledger after all: begun, and perhaps complete and long past. */
async function isNew({ dumpId, state }: DumpStatus, { view }: LookEngine): Promise<boolean> {
  const entry = (await view.view(dumpId))?.entry;
  return entry === undefined || (state === 'given up' && entry.state === 'reading');
}

function asGivenUp({ dumpId, dump, since }: Unbegun, situation: Situation): DumpStatus {
  const notes = [givenUpNote(dumpId, situation)];
  return { dump, key: keyOf(dump), dumpId, state: 'given up', books: EMPTY_BOOKS, notes, since };
}

/** What is on the intake queue, where that can be looked into, and what waits for its turn. */
async function announced(
  engine: LookEngine,
  sources: ReadonlySet<string>,
  { isAtWork, options }: Situation,
): Promise<readonly DumpStatus[]> {
  const found: DumpStatus[] = [];
  const add = ({ dumpId, dump, since }: Unbegun, why: string) => {
    const isStopped = isAtWork === false;
    const mend = isStopped ? { mend: `s3-to-amplitude import [--live] <file>${options}` } : {};
    const state = isStopped ? 'stopped' : 'announced';
    found.push({ dump, key: keyOf(dump), dumpId, state, books: EMPTY_BOOKS, notes: [{ why, ...mend }], since });
  };
  for (const source of sources) {
    const { open, waiting } = (await engine.ledger.line(source)).line;
    for (const [i, { id, key, since }] of waiting.entries()) {
      const before = i + (open ? 1 : 0);
      add(
        { dumpId: id.split(' ')[0] ?? id, dump: key, since },
        `it waits for its turn, behind ${count(before, 'dump')}`,
      );
    }
  }
  const { peek } = engine.queues.intake;
  if (!peek) return found;
  let last: string | undefined;
  for (;;) {
    const messages = await peek(100, last);
    if (messages.length === 0) return found;
    last = messages.at(-1)?.receipt;
    for (const message of messages) {
      const { dumps } = readDeadMessage(message);
      for (const { id, url } of dumps) add({ dumpId: id, dump: url, since: message.sentAt }, 'it waits to be read');
    }
  }
}

function keyOf(url: string): string {
  return /^s3:\/\/[^/]+\/(.*)$/s.exec(url)?.[1] ?? url;
}
