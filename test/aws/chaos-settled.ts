/** What must be true of a chaos run when the dust has settled. */
import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import type { StoredEvent } from '../../local/simulator-store.ts';
import { type Dump, dumpId } from '../../shared/dump.ts';
import { type Receipt, receiptKey } from '../../shared/receipt.ts';
import type { ChaosDump } from './chaos-dump.ts';
import type { Deployed } from './deployed.ts';
import { SECRET_CONTENT, withoutMadeId } from './dump.ts';

export type Settled = {
  readonly stack: Deployed;
  readonly contents: readonly ChaosDump[];
  /** In the order of `contents`. */
  readonly dropped: readonly Dump[];
  readonly stored: readonly StoredEvent[];
  readonly throttled: ReadonlySet<string>;
  /** How often the books were seen while something was on its way. */
  readonly looks: number;
};

/** Throws what is wrong. */
export async function expectSettled({ stack, contents, dropped, stored, throttled, looks }: Settled): Promise<void> {
  const events = stored.map(({ text = '' }) => withoutMadeId(text));
  const valid = contents.flatMap((content) => [...content.valid.keys()]);
  assert.deepEqual(events.toSorted(), valid.toSorted(), 'what is stored is what is valid, once');
  expectOrder(events, contents, throttled);
  for (const [index, content] of contents.entries()) {
    const dump = dropped[index];
    assert.ok(dump);
    await expectReceipt(stack, dump, content);
  }
  await expectRejects(stack, contents);
  assert.deepEqual(stack.refused, [], 'every call is granted');
  const secrets = stack.log().filter((line) => line.includes(SECRET_CONTENT));
  assert.deepEqual(secrets, [], 'no event is in a log line');
  assert.ok(looks >= 10, `the books were seen only ${looks} times while something was on its way`);
}

/** Events that were never throttled arrive in their device's order within the dump. */
function expectOrder(events: readonly string[], contents: readonly ChaosDump[], throttled: ReadonlySet<string>): void {
  const places = new Map<string, { readonly device: string; readonly place: number }>();
  for (const { key, valid } of contents) {
    for (const [event, device] of valid) places.set(event, { device: `${device} of ${key}`, place: places.size });
  }
  const last = new Map<string, number>();
  for (const event of events) {
    const { device, place } = places.get(event) ?? { device: '', place: 0 };
    if (throttled.has(event)) continue;
    assert.ok(place > (last.get(device) ?? -1), `${device}: ${event} came after one that stands behind it`);
    last.set(device, place);
  }
}

async function expectReceipt(stack: Deployed, dump: Dump, { key, lines, unusable, silenced, valid }: ChaosDump) {
  const body = await stack.results.get(receiptKey({ dump, dumpId: dumpId(dump) }));
  assert.ok(body, `${key} has a receipt`);
  const receipt = JSON.parse(body.toString()) as Receipt;
  const mapped = lines.length - unusable.length;
  const { state, read, filtered, events, delivered, refused, parked, dead, inFlight, rejected } = receipt;
  assert.deepEqual(
    { state, read, filtered, events, delivered, refused, parked, dead, inFlight, rejected },
    {
      state: 'complete',
      read: lines.length,
      filtered: 0,
      events: mapped,
      delivered: valid.size,
      refused: silenced.length,
      parked: 0,
      dead: 0,
      inFlight: 0,
      rejected: unusable.length + silenced.length,
    },
    `the receipt of ${key} is complete`,
  );
  const announced = stack.announced as readonly Receipt[];
  assert.ok(
    announced.some((each) => each.dumpId === receipt.dumpId && each.state === 'complete'),
    `the receipt of ${key} was announced`,
  );
}

async function expectRejects({ results }: Deployed, contents: readonly ChaosDump[]): Promise<void> {
  const found: string[] = [];
  for (const key of await results.list('rejects/')) {
    const lines = gunzipSync((await results.get(key)) ?? '')
      .toString()
      .trimEnd()
      .split('\n');
    found.push(...lines.map((line) => withoutMadeId((JSON.parse(line) as { text: string }).text)));
  }
  const bad = contents.flatMap(({ unusable, silenced }) => [...unusable, ...silenced]);
  assert.deepEqual(found.toSorted(), bad.toSorted(), 'the rejects files hold exactly what is bad');
}
