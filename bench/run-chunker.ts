/**
 * The chunker by itself, in a process of its own: `run-chunker.ts <file or MB> [send]` makes chunks of a file, or of so many
 * MB of an endless dump. Its ledger takes everything and keeps nothing. With `send` the chunks' messages are printed.
 */
import { once } from 'node:events';
import { resolve } from 'node:path';
import { chunkDump } from '../lambdas/chunker/chunk-dump.ts';
import { openTransforms } from '../lambdas/chunker/transform.ts';
import { describeFile, fileDumps } from '../shared/embedded/files.ts';
import type { Ledger } from '../shared/ledger.ts';
import { dumpId } from '../shared/dump.ts';
import { START } from '../shared/ledger.ts';
import type { OutgoingMessage } from '../shared/queue.ts';
import importer from './bench.config.ts';
import { endlessDump } from './endless-dump.ts';

const [from = '', send] = process.argv.slice(2);
const { dump, dumps } = /^\d+$/.test(from)
  ? endlessDump(Number(from) * 1e6)
  : { dump: await describeFile(resolve(from)), dumps: fileDumps() };
const [source] = importer.sources;
if (!source) throw new Error('bench.config.ts has no source');

const run = { dumpId: dumpId(dump), run: 1 };
const ledger = {
  claim: async () => ({ kind: 'claimed', run, checkpoint: START }),
  planSegment: async () => undefined,
  saveCheckpoint: async () => true,
  endDump: async () => true,
  release: async () => undefined,
  completeSegment: async () => false,
  isComplete: async () => false,
} as const;
const references = { find: noReference, bytes: dumps };

const outcome = await chunkDump(
  { dump, source, importer, fingerprint: 'bench', owner: 'bench' },
  {
    dumps,
    ledger: ledger as unknown as Ledger, // nothing else of it is asked for while a dump is chunked
    results: { put: async () => undefined, get: async () => undefined, list: async () => [], url: (key) => key },
    uploads: { send: send === 'send' ? print : async () => undefined },
    transformOf: openTransforms({ secret: async () => '', references, log: () => undefined }),
    references,
    msLeft: () => 24 * 3_600_000,
    announce: async () => undefined,
    now: Date.now,
  },
);
if (outcome.kind !== 'read' || outcome.failure !== undefined) throw new Error(JSON.stringify(outcome));
console.error(JSON.stringify({ read: outcome.read, chunks: outcome.chunks }));

function noReference(): never {
  throw new Error('the bench has no reference files');
}

async function print(messages: readonly OutgoingMessage[]): Promise<void> {
  for (const { body } of messages) if (!process.stdout.write(`${body}\n`)) await once(process.stdout, 'drain');
}
