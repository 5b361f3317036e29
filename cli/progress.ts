/** One line on the terminal that says how far the import is; nothing when standard error is piped. */
import { sumBooks } from '../shared/books.ts';
import type { Ledger } from '../shared/ledger.ts';

const EVERY_MS = 200;
/** Carriage return, then erase to the end of the line. */
const START_OF_LINE = '\r\u001b[K';

/** `read` are the records of the dump that is being chunked: the ledger hears of them a segment at a time. */
export function showProgress(
  ledger: Pick<Ledger, 'entry' | 'segments'>,
  dumpIds: readonly string[],
  read: () => number,
) {
  const { stderr } = process;
  if (!stderr.isTTY) return { end: () => undefined };
  const began = Date.now();
  const draw = async () => {
    const segments = [];
    for (const id of dumpIds) {
      const entry = await ledger.entry(id);
      if (entry) segments.push(...(await ledger.segments(entry)));
    }
    const { delivered, parked, dead, refused } = sumBooks(segments);
    const perSecond = Math.round(delivered / ((Date.now() - began) / 1000));
    const parts = [`${n(read())} read`, `${n(delivered)} delivered (${n(perSecond)}/s)`];
    for (const [name, count] of Object.entries({ refused, parked, dead }))
      if (count > 0) parts.push(`${n(count)} ${name}`);
    stderr.write(`${START_OF_LINE}${parts.join(' · ')}`);
  };
  const timer = setInterval(() => void draw(), EVERY_MS);
  return {
    end(): void {
      clearInterval(timer);
      stderr.write(START_OF_LINE);
    },
  };
}

/** The same for a command that counts by itself: a line once it has taken so long, ms. `clear` takes it away until it is next due. */
export function showLine(describe: () => string, afterMs = 2_000) {
  const { stderr } = process;
  if (!stderr.isTTY) return { clear: () => undefined, end: () => undefined };
  const began = Date.now();
  let isDrawn = false;
  const clear = () => {
    if (isDrawn) stderr.write(START_OF_LINE);
    isDrawn = false;
  };
  const draw = () => {
    if (Date.now() - began < afterMs) return;
    stderr.write(`${START_OF_LINE}${describe()}`);
    isDrawn = true;
  };
  const timer = setInterval(draw, EVERY_MS);
  return {
    clear,
    end(): void {
      clearInterval(timer);
      clear();
    },
  };
}

function n(count: number): string {
  return count.toLocaleString('en-US');
}
