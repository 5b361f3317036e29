/** Which events of the generated dump a request holds, whatever form its sender gave them: found by their numbers. */
import { NUMBER_MARK, NUMBER_OFFSET } from './generate-dump.ts';

export type Found = {
  /** Events that arrived, repeats included. */
  readonly received: number;
  /** Of the dump's events: not one time, and more than one time. */
  readonly lost: number;
  readonly doubled: number;
  /** With a number that no event of the dump has. */
  readonly strange: number;
};

const MARK = Buffer.from(NUMBER_MARK);

/** Counts what arrives of a dump of so many events. */
export function eventCounter(events: number) {
  const times = new Uint8Array(events);
  let received = 0;
  let strange = 0;
  return {
    /** The events in this text, which are counted as received. */
    count(text: Buffer): number {
      let found = 0;
      for (let at = text.indexOf(MARK); at !== -1; at = text.indexOf(MARK, at + MARK.length)) {
        found += 1;
        const n = readHex(text, at + MARK.length + NUMBER_OFFSET);
        const before = times[n];
        if (before === undefined) strange += 1;
        else if (before < 2) times[n] = before + 1;
      }
      received += found;
      return found;
    },
    found(): Found {
      let [lost, doubled] = [0, 0];
      for (const count of times) {
        if (count === 0) lost += 1;
        else if (count > 1) doubled += 1;
      }
      return { received, lost, doubled, strange };
    },
  };
}

/** 8 digits in lower case; NaN when they are none. */
function readHex(text: Buffer, at: number): number {
  let value = 0;
  for (let i = at; i < at + 8; i += 1) {
    const code = text[i] ?? 0;
    const digit = code >= 97 ? code - 87 : code - 48;
    if (!(digit >= 0 && digit < 16)) return Number.NaN;
    value = value * 16 + digit;
  }
  return value;
}

/** What of it is not as it should be; undefined when each event arrived exactly once. */
export function describeLoss({ lost, doubled, strange }: Found, events: number): string | undefined {
  if (lost + doubled + strange === 0) return undefined;
  return `of ${events} events ${lost} are lost, ${doubled} are doubled, ${strange} are strange`;
}
