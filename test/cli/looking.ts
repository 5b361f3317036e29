/** Both engines as `status`, `rejects` and `dlq` see them, and a terminal that keeps what it is shown. */
import { Writable } from 'node:stream';
import type { LookEngine } from '../../cli/look-engine.ts';
import type { StatusRequest } from '../../cli/status.ts';
import { dumpId } from '../../shared/dump.ts';
import type { Results } from '../../shared/objects.ts';
import { memoryResults } from '../memory-results.ts';
import { claimOf, newDump, planOf } from '../shared/ledger-fixtures.ts';
import { ENGINES, type TestEngine } from './replay-engines.ts';

export type TestLook = TestEngine & LookEngine & { readonly results: Results };

export const LOOK_ENGINES: readonly [string, () => Promise<TestLook>][] = ENGINES.map(([name, open]) => [
  name,
  async () => {
    const isHere = name === 'embedded';
    const where = isHere ? { options: '', isAtWork: () => true } : { options: ' --stack S3' };
    return { ...(await open()), results: memoryResults(), close: () => undefined, ...where };
  },
]);

export function requestOf(changes: Partial<StatusRequest> = {}): StatusRequest {
  return {
    sinceMs: 172_800_000,
    allowed: { count: 0 },
    limit: 100,
    isWatching: false,
    isWaiting: false,
    everyMs: 5,
    json: false,
    ...changes,
  };
}

/** What was written, as text; `tell` is called with each piece. */
export function screenOf(tell: (text: string) => void = () => undefined) {
  let text = '';
  const screen = new Writable({
    write(piece: Buffer, _encoding, done) {
      text += piece.toString();
      tell(text);
      done();
    },
  });
  return { screen, text: () => text, lines: () => text.split('\n').slice(0, -1) };
}

/** A dump with three unusable records and one event a chunk, all in flight unless it is `closed`. */
export async function haveDump({ ledger }: TestEngine, { startedAt = Date.now(), isClosed = true } = {}) {
  const dump = newDump();
  const run = { dumpId: dumpId(dump), run: 1 };
  await ledger.claim(claimOf(dump, { now: startedAt, leaseUntil: startedAt + 1_000_000 }));
  const { reasons: _, ...plan } = planOf();
  const counts = { read: 4, filtered: 0, unusable: 3, mapped: 1, events: 1 };
  await ledger.planSegment(run, 0, { ...plan, ...counts, chunks: 1, reasons: { 'not JSON': 2, 'no event_type': 1 } });
  await ledger.endDump(run, 'anna', { segments: 1 });
  if (isClosed) await finish({ ledger }, run);
  return { dump, run };
}

export async function finish({ ledger }: Pick<TestEngine, 'ledger'>, run: { dumpId: string; run: number }) {
  await ledger.settle(
    { ...run, segment: 0, unit: '0', events: 1 },
    { delivered: 1, refused: 0, parked: 0, requests: 1, reasons: {} },
  );
  await ledger.completeSegment(run, 0);
  await ledger.close(run, Date.now());
}
