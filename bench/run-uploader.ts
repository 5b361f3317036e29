/**
 * The uploader by itself, in a process of its own: `run-uploader.ts <endpoint> <gzip|identity> [file]` takes chunk messages, as
 * `run-chunker.ts … send` prints them, and sends them. Its ledger takes everything and keeps nothing; lanes are not paced. A
 * file's messages are read before the clock starts, those of the standard input as they come. Prints what sending took.
 */
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { amplitude } from '../lambdas/uploader/amplitude.ts';
import { takeChunk, type TakeChunkPorts } from '../lambdas/uploader/take-chunk.ts';
import type { Ledger } from '../shared/ledger.ts';
import importer from './bench.config.ts';

export type UploaderRun = {
  readonly chunks: number;
  readonly events: number;
  readonly seconds: number;
  /** Of all threads, while it was sending. */
  readonly cpuSeconds: number;
};

const [endpoint = '', uploads, file] = process.argv.slice(2);
if (uploads !== 'gzip' && uploads !== 'identity') throw new Error(`expected gzip or identity, found ${uploads}`);

const { uploaders: connections, requestTimeoutMs: timeoutMs, maxTries } = importer;
const client = amplitude({ uploads, timeoutMs, connections, endpoint });
const ledger = {
  unitState: async () => 'open',
  settle: async () => 'settled',
  countTry: async () => 1,
  completeSegment: async () => false,
} as const;
const noQueue = { send: async () => Promise.reject(new Error('a chunk was not delivered')) };
const ports: TakeChunkPorts = {
  importer,
  amplitude: client,
  ledger: ledger as unknown as Ledger, // nothing else of it is asked for while all goes well
  results: { put: async () => undefined, get: async () => undefined, list: async () => [], url: (key) => key },
  apiKey: async () => 'bench',
  announce: async () => undefined,
  parked: noQueue,
  deadLetters: noQueue,
  now: Date.now,
  random: Math.random,
  log(level, message, fields) {
    if (level !== 'info') console.error(message, fields);
    chunks += 1;
    events += Number(fields.events);
  },
};

let [chunks, events] = [0, 0];

/** A message is two lines. */
async function* messagesOf(input: Readable): AsyncGenerator<string> {
  let pieces: Buffer[] = [];
  let lines = 0;
  for await (const piece of input as AsyncIterable<Buffer>) {
    let from = 0;
    for (let end = piece.indexOf(10); end !== -1; end = piece.indexOf(10, from)) {
      lines += 1;
      pieces.push(piece.subarray(from, lines === 2 ? end : end + 1));
      from = end + 1;
      if (lines < 2) continue;
      yield Buffer.concat(pieces).toString('latin1');
      [pieces, lines] = [[], 0];
    }
    pieces.push(piece.subarray(from));
  }
}

const next: Iterator<string> | AsyncIterator<string> =
  file === undefined ? messagesOf(process.stdin) : (await Array.fromAsync(messagesOf(createReadStream(file)))).values();

/** Sent before the clock starts: a sandbox sends thousands, and only the first few compile code and connect. */
const WARM_UP = 24;

await work(WARM_UP);
[chunks, events] = [0, 0];
const began = performance.now();
const before = process.cpuUsage();
await Promise.all(Array.from({ length: connections }, () => work()));
const { user, system } = process.cpuUsage(before);
await client.close();
const seconds = (performance.now() - began) / 1_000;
console.log(JSON.stringify({ chunks, events, seconds, cpuSeconds: (user + system) / 1e6 } satisfies UploaderRun));

/** Sends until nothing is left, or so many chunks. */
async function work(most = Number.POSITIVE_INFINITY): Promise<void> {
  for (let sent = 0; sent < most; sent += 1) {
    const taken = await next.next();
    if (taken.done === true) return;
    const outcome = await takeChunk(taken.value, { receives: 1, maxTries }, ports);
    if (outcome.kind === 'again' && !outcome.isSettled) throw new Error('a chunk was not delivered');
  }
}
