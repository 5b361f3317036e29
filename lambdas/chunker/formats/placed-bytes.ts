/** Bytes that lie somewhere in a dump (a Parquet column, an entry of a zip), read in windows, the next one fetched while this one is used. */

export type ReadRange = (start: number, end: number) => Promise<Buffer>;

export type PlacedBytes = ReturnType<typeof placedBytes>;

/** The bytes from `start` up to `end`, in windows of `windowBytes`. */
export function placedBytes(read: ReadRange, start: number, end: number, windowBytes: number) {
  let held: Buffer = Buffer.alloc(0);
  let at = start;
  let next: Promise<Buffer> | undefined;

  function fetch(bytes: number): Promise<Buffer> {
    const window = read(at, Math.min(end, at + bytes));
    window.catch(() => undefined); // it is awaited when it is needed; until then its failure must not count as unhandled
    return window;
  }

  /** The bytes that come next: `bytes` of them or more, or all that are left. */
  async function peek(bytes: number): Promise<Buffer> {
    const pieces = [held];
    let length = held.length;
    while (length < bytes && at < end) {
      next ??= fetch(Math.max(windowBytes, bytes - length));
      const window = await next;
      next = undefined;
      if (window.length === 0) throw new Error(`nothing could be read at byte ${at}`);
      pieces.push(window);
      length += window.length;
      at += window.length;
    }
    if (pieces.length > 1) held = Buffer.concat(pieces);
    if (at < end) next ??= fetch(windowBytes);
    return held;
  }

  return {
    peek,
    /** Goes on behind `bytes` bytes, which have been peeked at. */
    drop(bytes: number): void {
      held = held.subarray(bytes);
    },
    left: () => held.length + end - at,
    /** Whoever stops early leaves no request behind, which would freeze with the sandbox. */
    async close(): Promise<void> {
      await next?.catch(() => undefined);
    },
  };
}
