/**
 * Chunks one dump in a process of its own, with a queue that only counts, and prints what that took. With `check` it looks
 * instead at every event that was sent: each has a time of its own.
 */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { constants, inflateRawSync } from 'node:zlib';
import { type ChunkDumpPorts, chunkDump } from '../lambdas/chunker/chunk-dump.ts';
import { openTransforms } from '../lambdas/chunker/transform.ts';
import { bodyBytes, decodeChunk } from '../shared/chunk.ts';
import { describeFile, fileDumps } from '../shared/embedded/files.ts';
import { embeddedLedger } from '../shared/embedded/ledger.ts';
import { fileReferences } from '../shared/embedded/references.ts';
import importer from './chunker.config.ts';
import { FIRST_TIME, TIME_STEP_MS } from './generate-dump.ts';

export type ChunkedAlone = {
  readonly read: number;
  readonly chunks: number;
  /** Of the messages that went to the queue. */
  readonly sentBytes: number;
  readonly seconds: number;
  /** Of all threads, without the process's start. */
  readonly cpuSeconds: number;
  /** Only when it was to be checked: how often each event was sent, counted. */
  readonly arrived?: { readonly once: number; readonly more: number; readonly strange: number };
};

const [variant, directory = '', check] = process.argv.slice(2);
const source = importer.sources.find(({ name }) => name === variant);
if (!source)
  throw new Error(`expected a variant and a directory as arguments, found ${process.argv.slice(2).join(' ')}`);

const references = fileReferences((file) => join(directory, file));
let sentBytes = 0;
let times: number[] = [];
const none = async () => undefined;
const ports: ChunkDumpPorts = {
  dumps: fileDumps(),
  ledger: embeddedLedger(new DatabaseSync(':memory:'), Date.now),
  results: { put: none, get: none, list: async () => [], url: (key) => key },
  uploads: {
    async send(messages) {
      for (const { body } of messages) sentBytes += body.length;
      if (check !== undefined) times.push(...messages.flatMap(({ body }) => timesIn(body)));
    },
  },
  transformOf: openTransforms({ secret: async () => 'a key of sixteen and more', references, log: () => undefined }),
  references,
  announce: none,
  now: Date.now,
  log: () => undefined,
  measure: () => undefined,
  msLeft: () => 900_000,
};

function timesIn(message: string): number[] {
  const text = inflateRawSync(bodyBytes(decodeChunk(message).body), { finishFlush: constants.Z_SYNC_FLUSH }).toString();
  return (JSON.parse(`[${text}]`) as { readonly time: number }[]).map(({ time }) => time);
}

function countArrived(): ChunkedAlone['arrived'] {
  const counts = new Map<number, number>();
  for (const time of times) counts.set(time, (counts.get(time) ?? 0) + 1);
  const isStrange = (time: number) => !Number.isInteger((time - FIRST_TIME) / TIME_STEP_MS) || time < FIRST_TIME;
  const strange = times.filter(isStrange).length;
  const once = counts
    .values()
    .filter((count) => count === 1)
    .toArray().length;
  times = [];
  return { once, more: counts.size - once, strange };
}

const dump = await describeFile(join(directory, 'dump.ndjson.gz'));
const request = { dump, source, importer, fingerprint: 'bench', owner: 'bench' };
const began = performance.now();
const before = process.cpuUsage();
const outcome = await chunkDump(request, ports);
const { user, system } = process.cpuUsage(before);
const seconds = (performance.now() - began) / 1_000;
if (outcome.kind !== 'read' || outcome.failure !== undefined) throw new Error(JSON.stringify(outcome));
const { read, chunks } = outcome;
const measured: ChunkedAlone = { read, chunks, sentBytes, seconds, cpuSeconds: (user + system) / 1e6 };
console.log(JSON.stringify(check === undefined ? measured : { ...measured, arrived: countArrived() }));
