/** The example day: it is what its generator makes, and importing it gives exactly the books, rejects and events it should. */
import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { exampleDay, toBytes } from '../examples/generate.ts';
import type { Line } from '../examples/lines.ts';
import { startSimulator } from '../local/simulator.ts';
import type { StoredEvent } from '../local/simulator-store.ts';
import { receiptsOf, runCli, temporaryDirectory } from './cli/run-cli.ts';

const DAY = join(import.meta.dirname, '..', 'examples', 'day.ndjson.gz');
const README = readFileSync(join(import.meta.dirname, '..', 'examples', 'README.md'), 'utf8');
const LINES = exampleDay();
const EVENTS = LINES.filter(({ fate }) => fate === 'event');
const REJECTS = LINES.flatMap(({ bytes, fate }, i) =>
  typeof fate === 'object' ? [{ bytes, reason: fate.reason, position: i + 1 }] : [],
);

test('the committed day is what the generator makes, byte for byte', () => {
  expect(gunzipSync(readFileSync(DAY)).equals(toBytes(LINES))).toBe(true);
  expect(readFileSync(DAY).length).toBeLessThan(2_000_000);
});

const SHOWN =
  'Order Completed|"price":|"quantity":|"revenue":|"insert_id":|"user_properties":|"ledger_entry":9007199254740995|' +
  '\u2028|📚|猫|كتاب|מומלץ|\\ud83|\\/books|\r\n|\n\n';

test('the day has all that it is meant to show', () => {
  const text = toBytes(LINES).toString();
  const terminal = text.match(/"device_id":"terminal-berlin-1"/g) ?? [];
  expect(LINES.filter(({ fate }) => fate !== 'blank')).toHaveLength(20_000);
  expect(terminal.length / 20_000).toBeCloseTo(0.08, 2);
  expect(SHOWN.split('|').filter((piece) => !text.includes(piece))).toEqual([]);
  const times = EVENTS.map(({ bytes }) => Number(/"time":(\d+)/.exec(bytes.toString())?.[1]));
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(times[0]).toBeGreaterThanOrEqual(Date.UTC(2026, 10, 20));
  expect(times.at(-1)).toBeLessThan(Date.UTC(2026, 10, 21));
});

test('imported by the command line, the books close, each bad line is kept, and what arrives is what was recorded, with the outcome of the day', async () => {
  const state = temporaryDirectory();
  const simulator = await startSimulator({ keep: 'events' });
  onTestFinished(() => simulator.close());
  const finished = await runCli(['import', '--example', '--state', state, '--json', '--endpoint', simulator.url]);
  expect(finished).toMatchObject({ code: 1, stderr: '' });
  const expected = expectedReceipt();
  expect(receiptsOf(finished)).toMatchObject([expected]);
  expect(README).toContain(`${expected.filtered} records are filtered`);
  expect(README).toContain(`${expected.unusable} are rejected`);

  expect(rejectsIn(state)).toEqual(REJECTS);

  const stored = [...simulator.stored()];
  expect(stored.map(nameOf).toSorted()).toEqual(EVENTS.map(expectedName).toSorted());

  const arrived = new Map(stored.map((event) => [event.insertId, event.text ?? '']));
  const changed = EVENTS.filter((line) => !isKept(line, parse(arrived.get(insertIdOf(line)) ?? '{}')));
  expect(changed.map(({ bytes }) => bytes.toString())).toEqual([]);
  const texts = [...arrived.values()];
  expect(texts.filter((text) => text.includes('"returned":true'))).toHaveLength(3);
  expect(parse(texts.find((text) => text.includes('order-1042')) ?? '')).toMatchObject({
    event_properties: { ledger_entry: '9007199254741077', returned: true },
  });
  expect(texts.filter((text) => text.includes('"country":"Austria"') && !text.includes('"market":"DACH"'))).toEqual([]);
});

/** Everything that was recorded is there, and of what was added only the event properties are not the same for all. */
function isKept(line: Line, arrived: Record<string, unknown>): boolean {
  const { event_properties: recorded, ...event } = parse(line.bytes.toString());
  const { event_properties: completed, ...rest } = arrived;
  const added = { insert_id: insertIdOf(line), $skip_user_properties_sync: true };
  return (
    isDeepStrictEqual(rest, { ...event, ...added }) &&
    isDeepStrictEqual(completed, { ...(completed as object), ...(recorded as object) })
  );
}

function expectedReceipt() {
  const count = (fate: Line['fate']) => LINES.filter((line) => line.fate === fate).length;
  const events = count('event') + count('repeat');
  const reasons: Record<string, number> = {};
  for (const { reason } of REJECTS) reasons[reason] = (reasons[reason] ?? 0) + 1;
  return {
    state: 'complete',
    source: 'example-shop',
    read: LINES.length - count('blank'),
    filtered: count('filtered'),
    unusable: REJECTS.length,
    mapped: events,
    events,
    delivered: events,
    refused: 0,
    parked: 0,
    dead: 0,
    inFlight: 0,
    reasons,
  };
}

function rejectsIn(state: string) {
  const files = globSync('results/rejects/**/*.gz', { cwd: state }).toSorted();
  const lines = files.flatMap((file) =>
    gunzipSync(readFileSync(join(state, file)))
      .toString()
      .trimEnd()
      .split('\n'),
  );
  return lines.map((line) => {
    const { text, base64, reason, position } = JSON.parse(line) as Record<string, unknown>;
    const bytes = typeof base64 === 'string' ? Buffer.from(base64, 'base64') : Buffer.from(String(text));
    return { bytes, reason, position };
  });
}

/** The event's own, or the first 96 bits of the SHA-256 of its line: what README promises. */
function insertIdOf({ bytes }: Line): string {
  const own = parse(bytes.toString()).insert_id;
  return typeof own === 'string' ? own : createHash('sha256').update(bytes).digest('base64url').slice(0, 16);
}

function expectedName(line: Line): string {
  const { device_id, user_id, time } = parse(line.bytes.toString());
  return JSON.stringify([insertIdOf(line), device_id, user_id, Number(time)]);
}

function nameOf({ insertId, deviceId, userId, time }: StoredEvent): string {
  return JSON.stringify([insertId, deviceId, userId, time]);
}

/** Numbers come as they are written. */
function parse(text: string): Record<string, unknown> {
  return JSON.parse(text, (_key, value: unknown, context?: { readonly source: string }) =>
    typeof value === 'number' ? context?.source : value,
  ) as Record<string, unknown>;
}
