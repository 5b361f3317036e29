/** Whatever was wrong with a configuration: mended, its rejects run again, everything is as if it had been right at first. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MapFunction } from '../../../shared/config.ts';
import { DumpUnreadable } from '../../../shared/objects.ts';
import { amend, currentRejects, deliverQueue, entryOf, importDump, outcomeOf } from './amending.ts';
import { anyDump, obey, ROUTED_PROJECTS, routeOf } from './any-dump.ts';
import { openChunker, takeChunks } from './chunker.ts';
import { eventLine, sourceOf } from './fixtures.ts';
import { mortal } from './mortal.ts';
import { runs } from '../../runs.ts';

/** Fails for some users, and spoils the second event of others. */
const broken: MapFunction = (order, at) => {
  const events = obey(order, at, []);
  if (order.user === 'user-1' || order.user === 'user-4') throw new Error('as the mistake has it');
  if (order.user !== 'user-2' || !Array.isArray(events)) return events;
  return events.map((event, i) => (i === 1 ? { ...event, time: 'soon' as unknown as number } : event));
};

const isSilenced = (text: string) => text.includes('user-3');

describe('any dump', () => {
  test('read by mistake, mended and run again, is as if it had been read without the mistake', async () => {
    let through = 0;
    await fc.assert(
      fc.asyncProperty(anyDump, async ({ text, isMapped, routes, lanes, segmentRecords, eventsPerChunk }) => {
        const importer = { lanes, uploaders: 8, segmentRecords };
        const caps = { eventsPerChunk, chunkBytes: 300 };
        const { acme, ...others } = ROUTED_PROJECTS;
        const routeTo = (projects: Readonly<Partial<typeof ROUTED_PROJECTS>>) =>
          routes && { project: undefined, route: { by: routeOf, projects, otherwise: 'reject' as const } };
        const right = sourceOf({ caps, ...(isMapped && { map: obey }), ...routeTo({ acme, ...others }) });
        const mistake = isMapped ? { map: broken } : { minIdLength: 7 };
        const wrong = sourceOf({ caps, ...mistake, ...routeTo(others) });

        const expected = openChunker(text, { source: right, importer });
        const wanted = await importDump(expected);
        const chunker = openChunker(text, { source: wrong, importer });
        const first = await importDump(chunker, isSilenced);
        expect(await amend(chunker, right)).toBe('amended');
        const second = await deliverQueue(chunker);
        through += second.length;
        expect([...first, ...second].toSorted()).toEqual(wanted.toSorted());
        const outcome = await outcomeOf(chunker);
        expect(outcome).toEqual(await outcomeOf(expected));
        expect(outcome.reasons).toEqual(outcome.books.reasons);
        expect(chunker.receipts.at(-1)).toMatchObject({ amendedAt: [expect.any(String)], inFlight: 0 });
      }),
      { numRuns: runs(100) },
    );
    expect(through).toBeGreaterThan(30);
  });

  test('run again under the same configuration keeps its rejects, however often', async () => {
    await fc.assert(
      fc.asyncProperty(anyDump, async ({ text, lanes, segmentRecords }) => {
        const source = sourceOf({ map: broken });
        const chunker = openChunker(text, { source, importer: { lanes, uploaders: 8, segmentRecords } });
        await importDump(chunker, isSilenced);
        const before = await outcomeOf(chunker);
        for (const times of [1, 2]) {
          expect(await amend(chunker, source)).toBe('amended');
          await deliverQueue(chunker, isSilenced);
          expect(await outcomeOf(chunker), `${times} times`).toEqual(before);
        }
        expect((await entryOf(chunker)).amendments).toHaveLength(2);
      }),
      { numRuns: runs(30) },
    );
  });
});

const LINES = Array.from({ length: 20 }, (_, i) => JSON.stringify({ user: `user-${(i % 5) + 1}`, events: 2, n: i }));
const IMPORTER = { lanes: 3, uploaders: 8, segmentRecords: 6 };
const map = (which: MapFunction) => sourceOf({ caps: { eventsPerChunk: 2 }, map: which });

async function importBroken() {
  const chunker = openChunker(LINES.join('\n'), { source: map(broken), importer: IMPORTER });
  const delivered = await importDump(chunker, isSilenced);
  return { chunker, delivered };
}

describe('an amendment that dies', () => {
  test.each([
    ['before', 'at once'],
    ['after', 'at once'],
    ['before', 'when it was run again'],
    ['after', 'when it was run again'],
  ] as const)(
    '%s any of its calls (uploads go out %s) leaves nothing that the next one does not make good',
    async (when, upload) => {
      const undisturbed = await importBroken();
      await amend(undisturbed.chunker, map(obey));
      const expected = [...undisturbed.delivered, ...(await deliverQueue(undisturbed.chunker))].toSorted();
      const outcome = await outcomeOf(undisturbed.chunker);
      let call = 0;
      for (let died = true; died; ) {
        call += 1;
        const { chunker, delivered } = await importBroken();
        const before = await outcomeOf(chunker);
        died = await amend(chunker, map(obey), mortal(chunker.ports, call, when)).then(
          () => false,
          () => true,
        );
        const stored = new Set(delivered);
        const uploadAll = async () => {
          for (const text of await deliverQueue(chunker)) stored.add(text);
        };
        const { state, amendments } = await entryOf(chunker);
        if (amendments === undefined) expect(await outcomeOf(chunker)).toEqual(before);
        if (upload === 'at once') await uploadAll();
        // What the command line does: an amendment that is through needs no other, only its receipt.
        if (amendments === undefined) expect(await amend(chunker, map(obey))).toBe('amended');
        else if (state === 'read') await chunker.run();
        await uploadAll();
        expect(await outcomeOf(chunker), `died ${when} call ${call}`).toEqual(outcome);
        expect([...stored].toSorted()).toEqual(expected);
        expect((await entryOf(chunker)).amendments).toHaveLength(1);
      }
      expect(call).toBeGreaterThan(30);
    },
  );
});

describe('an amendment', () => {
  test('given up by a later one is lost, and what it sent is not delivered any more', async () => {
    const { chunker } = await importBroken();
    const { ledger } = chunker.ports;
    const entry = await entryOf(chunker);
    const planSegment: typeof ledger.planSegment = async (...args) => {
      await ledger.planSegment(...args);
      await ledger.beginAmendment(entry, chunker.clock.now());
    };
    expect(await amend(chunker, map(obey), { ledger: { ...ledger, planSegment } })).toBe('lost');
    expect(await deliverQueue(chunker)).toEqual([]);
    expect(await entryOf(chunker)).toMatchObject({ state: 'closed', amending: { attempt: expect.any(Number) } });
  });

  test('of a dump that somebody else amended meanwhile takes only the rejects there are then', async () => {
    const { chunker, delivered } = await importBroken();
    const entry = await entryOf(chunker);
    const reason = 'map threw Error';
    const isWanted = (reject: { reason: string }) => reject.reason === reason;
    await amend(chunker, map(obey), { isWanted });
    const first = await deliverQueue(chunker);
    expect(await amend(chunker, map(obey), { entry })).toBe('amended');
    const second = await deliverQueue(chunker);
    const all = [...delivered, ...first, ...second];
    expect(new Set(all).size).toBe(all.length);
    expect(all).toHaveLength(40);
    expect(await outcomeOf(chunker)).toMatchObject({ rejects: [], books: { delivered: 40, refused: 0, unusable: 0 } });
  });

  test('that is stopped changes nothing', async () => {
    const { chunker } = await importBroken();
    const before = await outcomeOf(chunker);
    expect(await amend(chunker, map(obey), { signal: AbortSignal.abort() })).toBe('stopped');
    expect(await outcomeOf(chunker)).toEqual(before);
  });

  test('takes only what is wanted, and at most so many; the others stay as they are', async () => {
    const { chunker } = await importBroken();
    const before = await currentRejects(chunker);
    const isWanted = ({ reason }: { reason: string }) => reason.startsWith('map threw');
    expect(before.filter(isWanted)).toHaveLength(8);
    expect(await amend(chunker, map(obey), { isWanted, limit: 3 })).toBe('amended');
    expect(await deliverQueue(chunker)).toHaveLength(6);
    const after = await currentRejects(chunker);
    expect(after.filter(isWanted)).toHaveLength(5);
    expect(after.filter((reject) => !isWanted(reject)).toSorted(byText)).toEqual(
      before.filter((reject) => !isWanted(reject)).toSorted(byText),
    );
  });

  test('of a dump that is gone resends refused events as they were, and keeps records that were cut', async () => {
    const long = JSON.stringify({ user: 'user-3', events: 1, text: 'x'.repeat(100_000) });
    const text = [...LINES, long].join('\n');
    const source = { ...map(broken), caps: { ...map(broken).caps, recordBytes: 1_000 } };
    const chunker = openChunker(text, { source, importer: IMPORTER });
    await importDump(chunker, isSilenced);
    const gone = {
      ...chunker.ports.dumps,
      async read(): Promise<Buffer> {
        throw new DumpUnreadable('cannot read it: it is no longer there');
      },
    };
    await amend(chunker, map(obey), { dumps: gone });
    const delivered = await deliverQueue(chunker);
    // Records of users 1 and 4 make two events each, the silenced events of user 3 go as they were.
    expect(delivered).toHaveLength(8 * 2 + 4 * 2);
    expect((await currentRejects(chunker)).map(({ reason }) => reason).toSorted()).toEqual([
      'record is too long',
      ...Array.from({ length: 4 }, () => 'time is not a whole number'),
    ]);
    // With the dump back, the rest follows.
    await amend(chunker, map(obey));
    expect(await deliverQueue(chunker)).toHaveLength(4 + 1);
    expect(await currentRejects(chunker)).toEqual([]);
    expect(chunker.receipts.at(-1)).toMatchObject({ rejected: 0, rejectsAt: null, reasons: {} });
  });

  test('drops refused events whose record is filtered by now, and keeps those that its record no longer makes', async () => {
    const { chunker } = await importBroken();
    const filter: MapFunction = (order, at) => (order.user === 'user-2' ? null : obey(order, at, []));
    const renamed: MapFunction = (order, at) => {
      const events = filter(order, at, []);
      return Array.isArray(events) ? events.map((event) => ({ ...event, insert_id: 'renamed' })) : events;
    };
    await amend(chunker, map(renamed));
    await deliverQueue(chunker);
    const { books, reasons } = await outcomeOf(chunker);
    expect(reasons).toEqual({ 'record no longer makes this event': 8 });
    expect(books).toMatchObject({ read: 20, unusable: 0, mapped: 20, filtered: 0, events: 36, delivered: 28, reasons });
  });

  test('is refused when the rejects files do not hold what the books count', async () => {
    const { chunker } = await importBroken();
    const [key = ''] = await chunker.results.list('rejects/');
    const missing = { ...chunker.ports.results, list: async () => [key] };
    await expect(amend(chunker, map(obey), { results: missing })).rejects.toThrow(/the ledger counts 8 and 12/);
    expect(await entryOf(chunker)).toMatchObject({ state: 'closed' });
  });

  test('keeps the order of a device, whoever rejected its events', async () => {
    const source = (isBroken: boolean) => {
      const visit: MapFunction = ({ user, n }) => {
        if (isBroken && Number(n) % 3 === 0) throw new Error('a mistake');
        return { event_type: 'visit', user_id: `${user as string}`, event_properties: { n } };
      };
      return map(visit);
    };
    const text = Array.from({ length: 60 }, (_, n) => JSON.stringify({ user: `user-${n % 4}`, n })).join('\n');
    const chunker = openChunker(text, { source: source(true), importer: IMPORTER });
    await importDump(chunker, (event) => (JSON.parse(event) as SentEvent).event_properties.n % 3 === 1);
    await amend(chunker, source(false));
    const events = (await deliverQueue(chunker)).map((event) => JSON.parse(event) as SentEvent);
    for (const sent of Map.groupBy(events, ({ user_id }) => user_id).values()) {
      const numbers = sent.map(({ event_properties: { n } }) => n);
      expect(numbers).toEqual(numbers.toSorted((x, y) => x - y));
    }
    expect(events).toHaveLength(40);
  });
});

type SentEvent = { readonly user_id: string; readonly event_properties: { readonly n: number } };

function byText(a: { bytes: Buffer }, b: { bytes: Buffer }): number {
  return a.bytes.compare(b.bytes);
}

test('what is mended goes to its project: from its record, or as it stood when Amplitude had refused it', async () => {
  const lines = ['acme', 'globex', 'initech'].map((tenant, i) =>
    eventLine(`user-${i}`, { tenant, text: tenant === 'globex' ? 'user-3' : '' }),
  );
  const { acme, globex } = ROUTED_PROJECTS;
  const routeTo = (projects: Readonly<Record<string, typeof acme | typeof globex>>) =>
    sourceOf({ project: undefined, route: { by: 'event_properties.tenant', projects, otherwise: 'reject' } });
  const chunker = openChunker(lines.join('\n'), { source: routeTo({ acme, globex }), importer: IMPORTER });
  await importDump(chunker, isSilenced);
  expect((await currentRejects(chunker)).map(({ reason }) => reason)).toEqual([
    'silenced',
    'route: event_properties.tenant names no project',
  ]);
  expect(await amend(chunker, routeTo({ acme, initech: acme, globex }))).toBe('amended');
  const chunks = await takeChunks(chunker);
  expect(new Set(chunks.map(({ project }) => project))).toEqual(new Set(['acme', 'globex']));
  expect(chunks.find(({ project }) => project === 'globex')?.positions).toEqual([2]);
});
