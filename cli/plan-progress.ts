/** One line on the terminal that says how far a scan is; nothing when standard error is piped. */
import { n } from './figure.ts';

const EVERY_MS = 200;
/** Carriage return, then erase to the end of the line. */
const START_OF_LINE = '\r\u001b[K';

/** `total` is the size of all dumps, bytes. */
export function showScan(total: number) {
  const { stderr } = process;
  let done = { read: 0, bytes: 0 };
  let current = { read: 0, bytes: 0 };
  let drawnAt = Date.now();
  return {
    /** Of the dump that is being read. */
    at(read: number, bytes: number): void {
      current = { read, bytes };
      if (!stderr.isTTY || Date.now() - drawnAt < EVERY_MS) return;
      drawnAt = Date.now();
      const share = Math.round((100 * (done.bytes + bytes)) / Math.max(1, total));
      stderr.write(`${START_OF_LINE}${n(done.read + read)} records looked at · ${share} % of the bytes`);
    },
    /** The dump of `bytes` is through, all of it read or not. */
    next(bytes: number): void {
      done = { read: done.read + current.read, bytes: done.bytes + bytes };
      current = { read: 0, bytes: 0 };
    },
    end(): void {
      if (stderr.isTTY) stderr.write(START_OF_LINE);
    },
  };
}
