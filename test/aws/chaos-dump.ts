/** A dump for the chaos run: a busy device, one that Amplitude silences, and records that make no event. */
import { gzipSync } from 'node:zlib';
import { eventText, UNUSABLE } from './dump.ts';

export type ChaosDump = {
  readonly key: string;
  readonly body: Buffer;
  /** As they stand in it, by position - 1. */
  readonly lines: readonly string[];
  readonly unusable: readonly string[];
  /** Events that Amplitude refuses. */
  readonly silenced: readonly string[];
  /** Events that Amplitude is to have in the end, and whose each is; in the dump's order. */
  readonly valid: ReadonlyMap<string, string>;
};

export const SILENCED_DEVICE = 'device-silenced';
const BUSY_DEVICE = 'device-busy';

/** `random` is 0 to 1. */
export function makeChaosDump(name: string, records: number, random: () => number): ChaosDump {
  const lines: string[] = [];
  const unusable: string[] = [];
  const silenced: string[] = [];
  const valid = new Map<string, string>();
  for (let index = 0; index < records; index += 1) {
    const kind = random();
    const bad = UNUSABLE[Math.floor(random() * UNUSABLE.length)] ?? '';
    const device = kind < 0.06 ? SILENCED_DEVICE : kind < 0.16 ? BUSY_DEVICE : `device-${Math.floor(random() * 40)}`;
    const event = eventText(name, index, device);
    if (kind < 0.04) unusable.push(bad);
    else if (device === SILENCED_DEVICE) silenced.push(event);
    else valid.set(event, device);
    lines.push(kind < 0.04 ? bad : event);
  }
  const text = `${lines.join('\n')}\n`;
  const isGzip = random() < 0.5;
  const body = isGzip ? gzipSync(text) : Buffer.from(text);
  return { key: `incoming/${name}.ndjson${isGzip ? '.gz' : ''}`, body, lines, unusable, silenced, valid };
}
