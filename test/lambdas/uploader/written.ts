/** What an uploader left behind, to look at. */
import { gunzipSync } from 'node:zlib';
import type { Simulator } from '../../../local/simulator.ts';
import type { ReceivedMessage } from '../../../shared/queue.ts';
import type { Uploader } from './uploader.ts';

/** The insert_ids that Amplitude has, sorted. */
export function storedIds(simulator: Simulator): string[] {
  return [...simulator.stored()].map(({ insertId }) => insertId ?? 'none').toSorted();
}

export function idsOf(events: readonly Readonly<Record<string, unknown>>[]): string[] {
  return events.map(({ insert_id }) => String(insert_id)).toSorted();
}

type RejectLine = { readonly kind: string; readonly position: number; readonly reason: string; readonly text: string };

/** Every line of every rejects file, by position. */
export async function rejectsOf({ ports }: Uploader): Promise<RejectLine[]> {
  const keys = await ports.results.list('rejects/');
  const files = await Promise.all(keys.map((key) => ports.results.get(key)));
  const lines = files.flatMap((file) =>
    gunzipSync(file ?? '')
      .toString()
      .trim()
      .split('\n'),
  );
  return lines.map((line) => JSON.parse(line) as RejectLine).toSorted((a, b) => a.position - b.position);
}

export async function deadOf({ deadLetters }: Uploader): Promise<ReceivedMessage[]> {
  const dead: ReceivedMessage[] = [];
  for (const queue of Object.values(deadLetters)) {
    for (let more = true; more; ) {
      const received = await queue.receive({ max: 10, visibilityMs: 60_000 });
      dead.push(...received);
      for (const { receipt } of received) await queue.remove(receipt);
      more = received.length > 0;
    }
  }
  return dead;
}

/** All that was logged, booked, announced, sent to a queue or written to a result, as one text. */
export async function everythingWritten({ ports, db, logs, receipts }: Uploader): Promise<string> {
  const tables = ['ledger_dumps', 'ledger_segments', 'message', 'message_body', 'message_id'];
  const rows = tables.map((table) => db.prepare(`SELECT * FROM ${table}`).all());
  const keys = await ports.results.list('');
  const results = await Promise.all(keys.map(async (key) => unpack(await ports.results.get(key))));
  return JSON.stringify([logs, receipts, rows, keys, results]);
}

function unpack(result: Buffer = Buffer.alloc(0)): string {
  return (result[0] === 0x1f ? gunzipSync(result) : result).toString();
}
