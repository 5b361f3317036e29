/** Looking again and again: when it ends, what it survives, what it draws. */
import { describe, expect, test } from 'vitest';
import { type DumpStatus, statusOf } from '../../cli/dump-status.ts';
import { changePrinter, redrawer, watch, type WatchPorts } from '../../cli/status-watch.ts';
import { viewOfDump } from './status-views.ts';

const SITUATION = { now: 10, givenUp: new Map<string, string>(), options: '' };
const status = (delivered: number, key = 'a') =>
  statusOf(viewOfDump({ events: 3, delivered, key, changedAt: 10 }), SITUATION);

/** `looks` are what each look finds, or the error it ends with; the clock moves only by sleeping. */
function watching(looks: readonly (readonly DumpStatus[] | Error)[]) {
  let clock = 0;
  let next = 0;
  const seen: (readonly DumpStatus[])[] = [];
  const troubles: unknown[] = [];
  const ports: WatchPorts = {
    async look() {
      const found = looks[Math.min(next++, looks.length - 1)];
      if (!found || found instanceof Error) throw found;
      return found;
    },
    show: (statuses) => void seen.push(statuses),
    isOver: (statuses) => statuses.length > 0 && statuses.every(({ books }) => books.inFlight === 0),
    trouble: (error) => void troubles.push(error),
    now: () => clock,
    sleep: async (ms) => void (clock += ms),
  };
  return { ports, seen, troubles, now: () => clock };
}

const EVERY = { everyMs: 1_000, signal: new AbortController().signal };

describe('watch', () => {
  test('goes on until it is over, also when there is nothing at first', async () => {
    const { ports, seen, now } = watching([[], [status(1)], [status(3)]]);
    expect(await watch(EVERY, ports)).toMatchObject([{ books: { delivered: 3 } }]);
    expect(seen).toHaveLength(3);
    expect(now()).toBe(2_000);
  });

  test('ends at its time, and not later', async () => {
    const { ports, now } = watching([[status(1)]]);
    expect(await watch({ ...EVERY, timeoutMs: 3_500 }, ports)).toMatchObject([{ books: { delivered: 1 } }]);
    expect(now()).toBe(3_500);
  });

  test('ends when it is interrupted', async () => {
    const { ports } = watching([[status(1)]]);
    expect(await watch({ ...EVERY, signal: AbortSignal.abort() }, ports)).toHaveLength(1);
  });

  test('survives looks that fail, and says so once', async () => {
    const broken = new Error('no network');
    const { ports, seen, troubles } = watching([[status(1)], broken, broken, [status(2)], broken, [status(3)]]);
    await watch(EVERY, ports);
    expect(seen.map(([first]) => first?.books.delivered)).toEqual([1, 2, 3]);
    expect(troubles).toEqual([broken, broken]);
  });

  test('gives up when the first look fails, and after many in a row', async () => {
    await expect(watch(EVERY, watching([new Error('no stack')]).ports)).rejects.toThrow('no stack');
    await expect(watch(EVERY, watching([[status(1)], new Error('no network')]).ports)).rejects.toThrow('no network');
  });
});

test('a drawing goes over the one before, and never beyond the screen', () => {
  let written = '';
  const draw = redrawer({ write: (text: string) => ((written += text), true), rows: 4 });
  draw(['one', 'two']);
  expect(written).toBe('one\ntwo\n');
  written = '';
  draw(['1', '2', '3', '4', '5']);
  expect(written).toBe('\u001b[2A\r\u001b[J1\n2\n… (3 lines do not fit)\n');
});

test('piped, a dump is printed when it is new or has changed', () => {
  const lines: string[] = [];
  const show = changePrinter(
    ({ key, books }) => `${key} ${books.delivered}`,
    (line) => void lines.push(line),
  );
  show([status(1, 'newer'), status(1, 'older')]);
  show([status(2, 'newer'), status(1, 'older')]);
  expect(lines).toEqual(['older 1', 'newer 1', 'newer 2']);
});
