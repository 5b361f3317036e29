/** Writes a dump of any size for a measurement: the same events whenever it is made, a piece at a time. */
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

export type DumpPlan = {
  /** Of NDJSON, before compression; the dump is the first that is not smaller. */
  readonly rawBytes: number;
  readonly gzip: boolean;
  readonly devices?: number;
  /** 0 to 1: events of one device besides the others, which share the rest. */
  readonly hotShare?: number;
};

export type MadeDump = { readonly events: number; readonly rawBytes: number };

/** Each event has a time of its own, by which it is known again: the n-th (from 0) is so many ms after the first. */
export const FIRST_TIME = Date.UTC(2026, 10, 20);
export const TIME_STEP_MS = 40;

/** Events put together before they are written. */
const EVENTS_A_PIECE = 1_000;
const DEVICES = 100_000;
/** Zipf's law, but for the very first: the k-th device has 1/(k + 20) of the events, the first 0.6 % of all, the last 3 in a million. */
const ZIPF_SHIFT = 20;

/** Before each event's number (`numberText`), once in its text: by it a sink knows which events arrived, whoever sent them. */
export const NUMBER_MARK = '"request_id":"';

/** Hexadecimal digits before the number's own 8, which look like chance. */
export const NUMBER_OFFSET = 32;

export function numberText(n: number): string {
  return `${hex(n, 10)}${hex(n, 11)}${hex(n, 17)}${hex(n, 18)}${n.toString(16).padStart(8, '0')}`;
}

export async function generateDump(path: string, plan: DumpPlan): Promise<MadeDump> {
  const { made, pieces } = generateLines(plan);
  const file = createWriteStream(path);
  if (plan.gzip) await pipeline(pieces, createGzip({ level: 1, chunkSize: 256 * 1024 }), file);
  else await pipeline(pieces, file);
  return made;
}

/** The lines of a dump, a piece of many at a time, and what has been made so far. */
export function generateLines(plan: Omit<DumpPlan, 'gzip'>): { readonly made: MadeDump; pieces(): Generator<Buffer> } {
  const made = { events: 0, rawBytes: 0 };
  const deviceOf = zipf(plan.devices ?? DEVICES);
  return {
    made,
    *pieces() {
      while (made.rawBytes < plan.rawBytes) {
        let text = '';
        for (let i = 0; i < EVENTS_A_PIECE; i += 1) text += eventLine(made.events + i, deviceOf, plan.hotShare);
        const piece = Buffer.from(text);
        made.events += EVENTS_A_PIECE;
        made.rawBytes += piece.length;
        yield piece;
      }
    },
  };
}

const TYPES = ['Page Viewed', 'Product Viewed', 'Product Added', 'Search Performed', 'Order Completed'];
const PLACES = [
  '"Germany","city":"Köln"',
  '"Japan","city":"東京"',
  '"France","city":"Paris"',
  '"Brazil","city":"Recife"',
];
const PHONES = ['"iOS","os_name":"ios","os_version":"26.1"', '"Android","os_name":"android","os_version":"16"'];
const NAMES = [
  'Der Zauberberg',
  'Los detectives salvajes',
  '吾輩は猫である 🐈',
  'Middlemarch \\"annotated\\"',
  'L’Étranger',
];

/** Which device the n-th event is of. Sums of fractions come out the same on every machine, as powers need not. */
function zipf(devices: number): (n: number) => number {
  const sums = new Float64Array(devices);
  let sum = 0;
  for (let i = 0; i < devices; i += 1) {
    sum += 1 / (i + 1 + ZIPF_SHIFT);
    sums[i] = sum;
  }
  return (n) => {
    const wanted = (scatter(n, 2) / 2 ** 32) * sum;
    let [low, high] = [0, devices - 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((sums[middle] ?? 0) > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

/** About 600 bytes, as apps send them. */
function eventLine(n: number, deviceOf: (n: number) => number, hotShare = 0): string {
  const time = FIRST_TIME + n * TIME_STEP_MS;
  const isHot = scatter(n, 1) < hotShare * 2 ** 32;
  const person = deviceOf(n);
  const device = isHot
    ? 'terminal-berlin-1'
    : `${hex(person, 3)}-4a1b-4c2d-8e3f-${hex(person, 4)}${hex(person, 5).slice(4)}`;
  const user = isHot || n % 4 === 0 ? '' : `"user_id":"user-${10_000 + person}",`;
  const session = time - (scatter(n, 6) % 1_800_000);
  return (
    `{"event_type":"${from(TYPES, n, 7)}",${user}"device_id":"${device}","time":${time},"session_id":${session},` +
    `"platform":${from(PHONES, person, 8)},"device_model":"SM-S921B","app_version":"5.12.${person % 9}",` +
    `"country":${from(PLACES, person, 9)},"language":"German","event_properties":{${NUMBER_MARK}${numberText(n)}",` +
    `"product":{"id":"p-${scatter(n, 12) % 5_000}","name":"${from(NAMES, n, 13)}","tags":["classic","novel"],"price":${scatter(n, 14) % 9_000}.5},` +
    `"position":${scatter(n, 15) % 40},"campaign":{"source":"newsletter","medium":"mail","ids":[${n % 7},${n % 31}]},` +
    `"url":"https://shop.example.com/books/${scatter(n, 16) % 100_000}?ref=home"}}\n`
  );
}

function from(list: readonly string[], n: number, salt: number): string {
  return list[scatter(n, salt) % list.length] ?? '';
}

function hex(n: number, salt: number): string {
  return scatter(n, salt).toString(16).padStart(8, '0');
}

/** 32 bits that look like chance and depend on nothing else. */
function scatter(n: number, salt: number): number {
  let bits = Math.imul(n ^ Math.imul(salt, 0x9e3779b1), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 15), 0xc2b2ae35);
  bits = Math.imul(bits ^ (bits >>> 13), 0x27d4eb2f);
  return (bits ^ (bits >>> 16)) >>> 0;
}
