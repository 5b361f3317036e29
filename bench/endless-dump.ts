/**
 * A dump of any size that lies nowhere: the same events as `generateDump`'s for the first ones, then those again with the
 * time and the number of their own. Every range of it can be made at any time, for next to nothing.
 */
import { FILE_BUCKET, type Dump } from '../shared/dump.ts';
import type { Dumps } from '../shared/objects.ts';
import { FIRST_TIME, generateLines, NUMBER_MARK, numberText, TIME_STEP_MS } from './generate-dump.ts';

export type EndlessDump = { readonly dump: Dump; readonly events: number; readonly dumps: Dumps };

/** Bytes of different events; they stay in memory. */
const BLOCK_BYTES = 6_000_000;
/** As the embedded engine reads files. */
const RANGE_BYTES = 1_048_576;

const TIME_MARK = '"time":';

/** Of so many events as have about `rawBytes` as NDJSON. */
export function endlessDump(rawBytes: number): EndlessDump {
  const block = makeBlock();
  const { starts, text } = block;
  const whole = Math.floor(rawBytes / text.length);
  const rest = starts.findIndex((start) => start >= rawBytes % text.length);
  const events = Math.max(1, whole * starts.length + Math.max(0, rest));
  const dump: Dump = {
    bucket: FILE_BUCKET,
    key: '/endless.ndjson',
    etag: String(events),
    size: placeOf(events, block),
  };
  const read = async (_: Dump, start: number, end: number) => fill(start, end, block);
  return { dump, events, dumps: { rangeBytes: RANGE_BYTES, read, size: async () => dump.size } };
}

type Block = {
  readonly text: Buffer;
  /** Of each event, where it begins, and where its time and its number stand, bytes. */
  readonly starts: readonly number[];
  readonly times: readonly number[];
  readonly numbers: readonly number[];
};

function makeBlock(): Block {
  const text = Buffer.concat([...generateLines({ rawBytes: BLOCK_BYTES }).pieces()]);
  const starts: number[] = [];
  for (let start = 0; start < text.length; start = text.indexOf(10, start) + 1) starts.push(start);
  return {
    text,
    starts,
    times: starts.map((start) => text.indexOf(TIME_MARK, start) + TIME_MARK.length),
    numbers: starts.map((start) => text.indexOf(NUMBER_MARK, start) + NUMBER_MARK.length),
  };
}

/** Where the n-th event begins in the dump. */
function placeOf(n: number, { text, starts }: Block): number {
  return Math.floor(n / starts.length) * text.length + (starts[n % starts.length] ?? 0);
}

function fill(start: number, end: number, block: Block): Buffer {
  const { text, starts, times, numbers } = block;
  const bytes = Buffer.allocUnsafe(end - start);
  for (let at = start; at < end; at = at - (at % text.length) + text.length) {
    text.copy(bytes, at - start, at % text.length, Math.min(text.length, (at % text.length) + end - at));
  }
  for (let n = eventAt(start, block); placeOf(n, block) < end; n += 1) {
    const base = Math.floor(n / starts.length) * text.length - start;
    const i = n % starts.length;
    put(bytes, String(FIRST_TIME + n * TIME_STEP_MS), base + (times[i] ?? 0));
    put(bytes, numberText(n), base + (numbers[i] ?? 0));
  }
  return bytes;
}

/** Which event holds the byte at this place of the dump. */
function eventAt(place: number, { text, starts }: Block): number {
  const inBlock = place % text.length;
  let [low, high] = [0, starts.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((starts[middle] ?? 0) <= inBlock) low = middle;
    else high = middle - 1;
  }
  return Math.floor(place / text.length) * starts.length + low;
}

/** What of the digits falls into these bytes. */
function put(bytes: Buffer, digits: string, at: number): void {
  if (at >= 0 && at + digits.length <= bytes.length) bytes.write(digits, at, 'latin1');
  else for (let i = 0; i < digits.length; i += 1) if (at + i in bytes) bytes[at + i] = digits.charCodeAt(i);
}
