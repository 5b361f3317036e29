/** How the dumps of a source that wants them in order wait for each other. */
import { DatabaseSync } from 'node:sqlite';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { importMessage } from '../../../lambdas/chunker/notification.ts';
import { type IntakePorts, takeIntake } from '../../../lambdas/chunker/take-intake.ts';
import { defineImporter } from '../../../shared/config.ts';
import { type Dump, dumpId } from '../../../shared/dump.ts';
import { createQueueTables } from '../../../shared/embedded/message-rows.ts';
import { embeddedQueue } from '../../../shared/embedded/queue.ts';
import { DumpUnreadable } from '../../../shared/objects.ts';
import { type Chunker, deliver, openChunker, takeChunks } from './chunker.ts';
import { eventLines } from './fixtures.ts';

const project = { secret: 'amplitude/key' };
const importer = defineImporter({
  sources: [
    { name: 'days', prefix: 'days/', project, inOrder: true },
    { name: 'other', prefix: 'other/', project },
  ],
});
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

type Changes = Partial<IntakePorts>;

/** Dumps of ten events, an intake queue, and a clock that jumps to when its next message is to be had. */
function open(bytes: string | Buffer = eventLines(10)) {
  const chunker = openChunker(bytes);
  const db = new DatabaseSync(':memory:');
  createQueueTables(db);
  const deadLetters = { queue: 'intake-dlq', maxReceives: 1_000 };
  const intake = embeddedQueue(db, 'intake', { fifo: false, clock: chunker.clock, deadLetters });
  const dead = embeddedQueue(db, 'intake-dlq', { fifo: false, clock: chunker.clock });
  const logged: Record<string, unknown>[] = [];
  const ports: IntakePorts = {
    ...chunker.ports,
    importer,
    fingerprint: 'f',
    owner: 'anna',
    log: (level, message, fields) => void logged.push({ level, message, ...fields }),
    intake,
    line: { graceMs: 10_000, pollMs: 5_000 },
    deadLetters: dead,
    maxTries: 3,
    readers: 1,
  };
  const drop = async (key: string, more: { readonly again?: string; readonly size?: number } = {}): Promise<Dump> => {
    const { again, ...changes } = more;
    const dump = { ...chunker.request.dump, key, ...changes };
    await intake.send([{ id: 'drop', body: importMessage({ dump, ...(again && { again }) }) }]);
    return dump;
  };
  /** Takes the next message, whenever that is; undefined when there is none. */
  const step = async (changes: Changes = {}): Promise<number | undefined> => {
    const at = intake.nextVisibleAt();
    if (at === undefined) return undefined;
    chunker.clock.advance(Math.max(0, at - chunker.clock.now()));
    const [message] = await intake.receive({ max: 1, visibilityMs: HOUR });
    if (!message) return step(changes);
    const waitMs = await takeIntake(message.body, message.receives, { ...ports, ...changes });
    await (waitMs === undefined ? intake.remove(message.receipt) : intake.hide(message.receipt, waitMs));
    return chunker.clock.now();
  };
  const stepFor = async (ms: number, changes: Changes = {}) => {
    const until = chunker.clock.now() + ms;
    while ((intake.nextVisibleAt() ?? until) < until) await step(changes);
    chunker.clock.advance(Math.max(0, until - chunker.clock.now()));
  };
  const chunked = () => logged.filter(({ message }) => message === 'dump chunked').map(({ dump }) => dump);
  const errors = () => logged.filter(({ level }) => level === 'error').map(({ message, dump }) => [message, dump]);
  return { chunker, ports, intake, dead, logged, drop, step, stepFor, chunked, errors };
}

const url = (key: string) => `s3://landing/${key}`;
const deliverAll = async (chunker: Chunker) => deliver(await takeChunks(chunker), chunker.ports);

describe('dumps of a source with inOrder', () => {
  test('go in the order of their keys, each when nothing of the one before is in flight', async () => {
    const { chunker, drop, stepFor, chunked, intake } = open();
    const keys = ['days/01', 'days/02', 'days/03', 'days/04'];
    for (const key of ['days/03', 'days/01', 'days/04', 'days/02']) await drop(key);
    for (let done = 1; done <= keys.length; done += 1) {
      await stepFor(HOUR);
      expect(chunked()).toEqual(keys.slice(0, done).map(url));
      await deliverAll(chunker);
    }
    expect(intake.count()).toBe(0);
    expect(chunker.receipts.map(({ dump }) => dump)).toEqual(keys.map(url));
  });

  test('sort by the bytes of their keys, as S3 does', async () => {
    const { chunker, drop, stepFor, chunked } = open();
    const keys = ['days/A', 'days/Z', 'days/a', 'days/é', 'days/\uffee', 'days/😀'];
    for (const key of keys.toReversed()) await drop(key);
    for (const _ of keys) {
      await stepFor(HOUR);
      await deliverAll(chunker);
    }
    expect(chunked()).toEqual(keys.map(url));
  });

  test('wait for no dump of another source, and none of those waits for them', async () => {
    const { drop, stepFor, chunked } = open();
    for (const key of ['days/01', 'days/02', 'other/02', 'other/01']) await drop(key);
    await stepFor(MINUTE);
    expect(chunked()).toEqual(['other/02', 'other/01', 'days/01'].map(url));
  });

  test('that comes alone begins after the grace in which a smaller one may still come', async () => {
    const { drop, step, chunked, chunker } = open();
    const began = chunker.clock.now();
    await drop('days/01');
    await step();
    expect(chunked()).toEqual([]);
    expect(await step()).toBe(began + 10_000);
    expect(chunked()).toEqual([url('days/01')]);
    await deliverAll(chunker);
    chunker.clock.advance(DAY);
    const nextDay = chunker.clock.now();
    await drop('days/02');
    await step();
    expect(await step()).toBe(nextDay + 10_000);
    expect(chunked()).toEqual([url('days/01'), url('days/02')]);
  });

  test('that waits looks less often the longer it takes, never receives its message in vain, and loses little', async () => {
    const { chunker, drop, stepFor, step, intake, dead, logged, chunked } = open();
    await drop('days/01');
    await drop('days/02');
    await stepFor(23 * HOUR);
    const looks = logged.filter(
      ({ message, dump }) => message === 'dump waits for its turn' && dump === url('days/02'),
    );
    expect(looks.length).toBeLessThan(150);
    expect(dead.count()).toBe(0);
    await deliverAll(chunker);
    const delivered = chunker.clock.now();
    const [message] = await intake.peek(1);
    expect(message?.receives).toBe(0);
    const openedAt = (await step()) ?? Number.NaN;
    expect(openedAt - delivered).toBeLessThanOrEqual(15 * MINUTE);
    expect(chunked()).toEqual([url('days/01'), url('days/02')]);
  });

  test('wait in hundreds, with few looks, and still in order', async () => {
    const { chunker, drop, step, chunked, logged } = open(eventLines(1));
    const keys = Array.from({ length: 280 }, (_, i) => `days/${String(i).padStart(3, '0')}`);
    for (const key of keys.toReversed()) await drop(key);
    for (let last = 0; chunked().length < keys.length; ) {
      await step();
      if (chunked().length > last) await deliverAll(chunker);
      last = chunked().length;
    }
    expect(chunked()).toEqual(keys.map(url));
    expect(logged.length).toBeLessThan(10 * keys.length);
    const { line } = await chunker.ports.ledger.line('days');
    expect(line.waiting).toEqual([]);
  }, 60_000);
});

test('of many chunkers at once one takes a dump, and it is the smallest', async () => {
  const { intake, ports, drop, chunked, chunker } = open();
  const keys = ['days/03', 'days/01', 'days/02'];
  for (const key of keys) await drop(key);
  for (let look = 0; look < 3; look += 1) {
    const messages = await intake.receive({ max: 10, visibilityMs: HOUR });
    const owners = messages.map((message, i) => ({ message, owner: `reader ${i}` }));
    await Promise.all(owners.map(({ message, owner }) => takeIntake(message.body, 1, { ...ports, owner })));
    for (const { receipt } of messages) await intake.remove(receipt);
    chunker.clock.advance(MINUTE);
  }
  expect(chunked()).toEqual([url('days/01')]);
});

describe('the next dump', () => {
  test.each([
    ['is empty', ''],
    ['is cut off', gzipSync(eventLines(10)).subarray(0, 30)],
    ['holds nothing but bad lines', 'oops\n'.repeat(5)],
  ])('begins at once after one that %s', async (_what, bytes) => {
    const { drop, stepFor, chunked } = open(bytes);
    for (const key of ['days/01', 'days/02']) await drop(key);
    await stepFor(MINUTE);
    expect(chunked()).toEqual([url('days/01'), url('days/02')]);
  });

  test('does not wait for what is parked or dead', async () => {
    const { chunker, drop, stepFor, chunked } = open();
    for (const key of ['days/01', 'days/02', 'days/03']) await drop(key);
    await stepFor(MINUTE);
    const settle = async (how: 'park' | 'bury') => {
      for (const { dumpId: id, run, segment, number, events } of await takeChunks(chunker)) {
        const unit = { dumpId: id, run, segment, unit: String(number), events };
        const parked = {
          delivered: 0,
          refused: 0,
          parked: events,
          parkedUnit: `${number}-1`,
          requests: 1,
          reasons: {},
        };
        await (how === 'park' ? chunker.ports.ledger.settle(unit, parked) : chunker.ports.ledger.bookDead(unit, 'why'));
      }
    };
    await settle('park');
    await stepFor(MINUTE);
    expect(chunked()).toHaveLength(2);
    await settle('bury');
    await stepFor(MINUTE);
    expect(chunked()).toHaveLength(3);
  });

  test('begins when the one before was gone before it could be read', async () => {
    const { ports, drop, stepFor, chunked, errors } = open();
    await drop('days/01');
    await drop('days/02');
    const read: typeof ports.dumps.read = async (dump, start, end) => {
      if (dump.key === 'days/01') throw new DumpUnreadable('it is deleted');
      return ports.dumps.read(dump, start, end);
    };
    await stepFor(MINUTE, { dumps: { ...ports.dumps, read } });
    expect(chunked()).toEqual([url('days/01'), url('days/02')]);
    expect(errors()).toEqual([['dump chunked', url('days/01')]]);
  });

  test('begins when the one before is given up, which someone must see, and which comes late when it is replayed', async () => {
    const { chunker, ports, intake, dead, drop, stepFor, chunked, errors } = open();
    await drop('days/01');
    await drop('days/02');
    const read: typeof ports.dumps.read = async (dump, start, end) => {
      if (dump.key === 'days/01') throw new Error('S3 is slow');
      return ports.dumps.read(dump, start, end);
    };
    await stepFor(2 * MINUTE, { dumps: { ...ports.dumps, read } });
    expect(chunked()).toEqual([url('days/02')]);
    expect(errors()).toEqual([['dump is given up', url('days/01')]]);
    expect(dead.count()).toBe(1);
    await deliverAll(chunker);
    const [message] = await dead.receive({ max: 1, visibilityMs: HOUR });
    await intake.send([{ id: 'replay', body: message?.body ?? '' }]);
    await stepFor(MINUTE);
    expect(chunked()).toEqual([url('days/02'), url('days/01')]);
  });

  test('waits while the one before fails, and while it goes on from its checkpoint', async () => {
    const { ports, drop, stepFor, chunked } = open();
    await drop('days/01');
    await drop('days/02');
    const read = () => Promise.reject(new Error('S3 is slow'));
    await stepFor(15_000, { dumps: { ...ports.dumps, read } });
    await stepFor(MINUTE);
    expect(chunked()).toEqual([url('days/01')]);
  });

  test('goes on after a day in which the one before made no step, as its message is lost; someone must see that', async () => {
    const { chunker, intake, drop, step, stepFor, chunked, errors } = open();
    await drop('days/01');
    await step();
    await step({ dumps: { ...chunker.ports.dumps, read: () => Promise.reject(new Error('crashed')) } });
    const [message] = await intake.peek(1);
    await intake.remove(message?.receipt ?? '');
    await drop('days/02');
    await stepFor(23 * HOUR);
    expect([chunked(), errors()]).toEqual([[], []]);
    await stepFor(2 * HOUR);
    expect(chunked()).toEqual([url('days/02')]);
    expect(errors()).toEqual([['dump is stuck', 'days/01']]);
  });

  test('waits for as long as the one before makes steps', async () => {
    const { chunker, drop, stepFor, chunked } = open(eventLines(70));
    await drop('days/01');
    await drop('days/02');
    await stepFor(MINUTE);
    for (const chunk of await takeChunks(chunker)) {
      expect(chunked()).toEqual([url('days/01')]);
      await stepFor(20 * HOUR);
      await deliver([chunk], chunker.ports);
    }
    await stepFor(HOUR);
    expect(chunked()).toEqual([url('days/01'), url('days/02')]);
  });
});

describe('a dump that waits', () => {
  test('and whose message is lost holds up the others for an hour, and someone must see that', async () => {
    const { intake, drop, step, stepFor, chunked, errors } = open();
    await drop('days/01');
    await step();
    const [message] = await intake.peek(1);
    await intake.remove(message?.receipt ?? '');
    await drop('days/02');
    await stepFor(50 * MINUTE);
    expect([chunked(), errors()]).toEqual([[], []]);
    await stepFor(HOUR);
    expect(chunked()).toEqual([url('days/02')]);
    expect(errors()).toEqual([['dump is lost in the line', 'days/01']]);
  });

  test('keeps its place while nothing runs, for days', async () => {
    const { chunker, drop, step, stepFor, chunked, errors } = open();
    await drop('days/01');
    await drop('days/02');
    await drop('days/03');
    for (let n = 0; n < 4; n += 1) await step();
    expect(chunked()).toEqual([url('days/01')]);
    chunker.clock.advance(3 * DAY);
    await deliverAll(chunker);
    for (let n = 0; n < 2; n += 1) {
      await stepFor(HOUR);
      await deliverAll(chunker);
    }
    expect(chunked()).toEqual([url('days/01'), url('days/02'), url('days/03')]);
    expect(errors()).toEqual([]);
  });

  test('waits as one message, however often it is dropped', async () => {
    const { chunker, intake, drop, stepFor, chunked } = open();
    await drop('days/01');
    for (let n = 0; n < 5; n += 1) await drop('days/02');
    await stepFor(MINUTE);
    expect(intake.count()).toBe(1);
    await deliverAll(chunker);
    await stepFor(HOUR);
    expect(chunked()).toEqual([url('days/01'), url('days/02')]);
  });

  test('does not if it is known already, unless it is to be read once more: that has its turn too', async () => {
    const { chunker, drop, step, stepFor, chunked, logged } = open();
    const first = await drop('days/01');
    await stepFor(MINUTE);
    await deliverAll(chunker);
    await drop('days/02');
    await stepFor(MINUTE);
    await drop('days/01');
    await step();
    expect(logged.at(-1)).toMatchObject({ message: 'dump is known already' });
    for (let n = 0; n < 2; n += 1) await drop('days/01', { again: 'once' });
    await stepFor(MINUTE);
    expect(chunked()).toHaveLength(2);
    await deliverAll(chunker);
    await stepFor(MINUTE);
    expect(chunked()).toEqual(['days/01', 'days/02', 'days/01'].map(url));
    expect(await chunker.ports.ledger.entry(dumpId(first))).toMatchObject({ run: 2, state: 'read' });
    await drop('days/03');
    await stepFor(MINUTE);
    expect(chunked()).toHaveLength(3);
    await deliverAll(chunker);
    await stepFor(MINUTE);
    expect(chunked()).toHaveLength(4);
  });
});

test('a step of a turn that fails, before or after its effect, leaves a line that goes on, in order', async () => {
  const keys = ['days/01', 'days/02'];
  for (const when of ['before', 'after'] as const) {
    let call = 0;
    for (let failed = true; failed; ) {
      call += 1;
      const last = call;
      const { chunker, ports, intake, drop, stepFor, errors } = open(eventLines(2));
      let calls = 0;
      failed = false;
      const failing = <Port extends object>(port: Port): Port =>
        new Proxy(port, {
          get(target, name) {
            const method: unknown = Reflect.get(target, name);
            if (typeof method !== 'function') return method;
            return async (...args: unknown[]) => {
              calls += 1;
              const isLast = calls === last;
              failed ||= isLast;
              if (isLast && when === 'before') throw new Error('injected');
              const result: unknown = await Reflect.apply(method, target, args);
              if (isLast) throw new Error('injected');
              return result;
            };
          },
        });
      const changes = { ledger: failing(ports.ledger), intake: failing(intake), uploads: failing(ports.uploads) };
      for (const key of keys.toReversed()) await drop(key);
      for (const _ of keys) {
        await stepFor(MINUTE, changes);
        await deliverAll(chunker);
      }
      expect(
        chunker.receipts.map(({ dump }) => dump),
        `failed ${when} call ${call}`,
      ).toEqual(keys.map(url));
      expect(intake.count()).toBe(0);
      expect(errors()).toEqual([]);
    }
    expect(call).toBeGreaterThan(40);
  }
});
