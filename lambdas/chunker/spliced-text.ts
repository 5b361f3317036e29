/** The text of an event as it is sent: that of its record, with what was added to it put in while it is copied into its chunk. */

export type SplicedText = {
  /** Of an object. */
  readonly text: Buffer;
  /** An `insert_id` (plain ASCII without quotes) to be put in front, where the text has none. */
  readonly id?: string | undefined;
  /** In their order, one behind the other. */
  readonly edits: readonly Edit[];
};

/** What `piece` has from `from` to `to`, in place of the bytes from `start` to `end`, which may be none. */
export type Edit = {
  readonly start: number;
  readonly end: number;
  readonly piece: Buffer;
  readonly from: number;
  readonly to: number;
};

export const NO_EDITS: readonly Edit[] = [];

const BEFORE_ID = Buffer.from('{"insert_id":"');
const AFTER_ID = Buffer.from('",');
/** Up to here a loop is quicker than a call. */
const SHORT = 40;

/** In bytes. */
export function sizeOfText(text: Buffer, id: string | undefined, edits: readonly Edit[]): number {
  let size = text.length;
  // The text's own brace goes.
  if (id !== undefined) size += BEFORE_ID.length + id.length + AFTER_ID.length - 1;
  for (const { start, end, from, to } of edits) size += to - from - (end - start);
  return size;
}

/** Gives the place after it. */
export function writeText({ text, id, edits }: SplicedText, into: Buffer, place: number): number {
  let at = place;
  let done = 0;
  if (id !== undefined) {
    at = copy(BEFORE_ID, 0, BEFORE_ID.length, into, at);
    for (let i = 0; i < id.length; i += 1) into[at++] = id.charCodeAt(i);
    at = copy(AFTER_ID, 0, AFTER_ID.length, into, at);
    done = 1;
  }
  for (const { start, end, piece, from, to } of edits) {
    at = copy(text, done, start, into, at);
    at = copy(piece, from, to, into, at);
    done = end;
  }
  return copy(text, done, text.length, into, at);
}

function copy(text: Buffer, start: number, end: number, into: Buffer, at: number): number {
  const length = end - start;
  if (length > SHORT) text.copy(into, at, start, end);
  else for (let i = 0; i < length; i += 1) into[at + i] = text[start + i] ?? 0;
  return at + length;
}

export function bytesOfText(spliced: SplicedText): Buffer {
  const { text, id, edits } = spliced;
  const bytes = Buffer.allocUnsafe(sizeOfText(text, id, edits));
  writeText(spliced, bytes, 0);
  return bytes;
}
