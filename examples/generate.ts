/** Makes the example day: what a shop recorded on 2026-11-20 (UTC), with everything in it that real dumps have. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { EXTRA_LINES, EXTRA_RECORDS, type Line, toLine } from './lines.ts';
import { type Random, seededRandom } from './random.ts';
import { type DayEvent, makePerson, terminalDay, visit } from './visits.ts';

const DAY = Date.UTC(2026, 10, 20);
const HOUR_MS = 3_600_000;
/** How often visits begin in each hour, UTC. */
const HOURS = [3, 2, 2, 2, 3, 5, 9, 13, 15, 15, 16, 18, 19, 17, 16, 17, 19, 22, 25, 24, 20, 14, 8, 4];
const RECORDS = 20_000;
const PEOPLE = 1_500;
const TERMINAL_EVENTS = 1_600;
/** The first integer that a JavaScript number cannot hold. */
const FIRST_LEDGER_ENTRY = 9_007_199_254_740_993n;

/** Every line of the day, in order of time; the same lines whenever it is called. */
export function exampleDay(): Line[] {
  const events = recordDay(seededRandom(20_261_120)).toSorted((a, b) => a.time - b.time);
  return addExtraLines(numberOrders(events));
}

export function toBytes(lines: readonly Line[]): Buffer {
  return Buffer.concat(lines.flatMap(({ bytes, end }) => [bytes, Buffer.from(end)]));
}

function recordDay(random: Random): DayEvent[] {
  const tester = makePerson('qa-smoke-test', 1, random);
  const fixed = [
    ...terminalDay(DAY + 7 * HOUR_MS, TERMINAL_EVENTS, random),
    ...visit(tester, DAY + 9 * HOUR_MS, random),
    ...visit(tester, DAY + 15 * HOUR_MS, random),
  ];
  return [...fixed, ...recordVisits(RECORDS - fixed.length - EXTRA_RECORDS, random)];
}

/** Everybody comes once, and some come again. */
function recordVisits(count: number, random: Random): DayEvent[] {
  const people = Array.from({ length: PEOPLE }, (_, i) => makePerson(`user-${10_001 + i * 7}`, 0.5, random));
  const events: DayEvent[] = [];
  for (let i = 0; events.length < count; i += 1) {
    const start = DAY + random.weighted(HOURS) * HOUR_MS + random.between(0, HOUR_MS - 1);
    const visited = visit(people[i] ?? random.pick(people), start, random);
    events.push(...visited.filter(({ time }) => time < DAY + 24 * HOUR_MS));
  }
  return events.slice(0, count);
}

/** Orders are numbered by the shop's server, which also gives them an insert_id of their own. */
function numberOrders(events: readonly DayEvent[]): DayEvent[] {
  let orders = 0;
  return events.map((event) => {
    if (event.event_type !== 'Order Completed') return event;
    orders += 1;
    const order_id = `order-${1_000 + orders}`;
    const ledger_entry = FIRST_LEDGER_ENTRY + 2n * BigInt(orders);
    const event_properties = { order_id, ledger_entry, ...(event.event_properties as object) };
    return { ...event, insert_id: order_id, event_properties };
  });
}

/** Spread over the day; only a page view has one after it. */
function addExtraLines(events: readonly DayEvent[]): Line[] {
  const every = Math.floor(events.length / (EXTRA_LINES.length + 1));
  const left = EXTRA_LINES.values();
  let next = every;
  return events.flatMap((event, i) => {
    const line = toLine(event);
    if (i < next || event.event_type !== 'Page Viewed' || line.fate !== 'event') return [line];
    next += every;
    const extra = left.next().value?.(event, line);
    return extra ? [line, { ...extra, end: line.end }] : [line];
  });
}

if (import.meta.main) {
  const file = join(import.meta.dirname, 'day.ndjson.gz');
  writeFileSync(file, gzipSync(toBytes(exampleDay()), { level: 9 }));
  console.log(`wrote ${file}`);
}
