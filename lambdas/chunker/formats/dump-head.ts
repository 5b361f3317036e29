/** Looks at how a dump begins: the three bytes that some programs put before UTF-8, and whatever else a format must know. */

const MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** How many bytes of the text's beginning are a byte-order mark: 3 or 0. */
export function markLength(head: Buffer): number {
  return head.subarray(0, MARK.length).equals(MARK) ? MARK.length : 0;
}

export type Peeked = {
  readonly head: Buffer;
  readonly pieces: AsyncIterable<Buffer>;
  /** Lets go of pieces that nobody will read. */
  close(): Promise<unknown>;
};

/** Looks at the first bytes until they are enough or all there are, and gives all pieces all the same. */
export async function peek(pieces: AsyncIterable<Buffer>, isEnough: (head: Buffer) => boolean): Promise<Peeked> {
  const iterator = pieces[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  let failure: { readonly error: unknown } | undefined;
  while (!isEnough(head)) {
    try {
      const next = await iterator.next();
      if (next.done) break;
      head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
    } catch (error) {
      failure = { error }; // what came before it is still to be read
      break;
    }
  }
  async function* all(): AsyncGenerator<Buffer> {
    try {
      yield head;
      if (failure) throw failure.error;
      yield* { [Symbol.asyncIterator]: () => iterator };
    } finally {
      await iterator.return?.();
    }
  }
  return { head, pieces: all(), close: async () => iterator.return?.() };
}
