/**
 * Remembers how texts that were checked are built: the events of a dump have the same names in the same order, and only their
 * values differ. scan-object.ts recognises a text that is built like an earlier one.
 *
 * The texts that are known make a tree. A step of it is what stands before a value, or before what is in brackets, or at the
 * end; the steps that can follow are its children. Nothing that is not JSON gets in: a text is put into the tree once the scan
 * has checked it, and a string, a number, true, false or null in the place of another leaves it JSON with the same names.
 */
import { NONE } from './watch-table.ts';

/** Of all sources together: then all is forgotten. One has fewer, and learns no more, so that texts that are all different cost little. */
const MAX_STEPS = 16_384;
const MAX_OWN_STEPS = 4_096;
const MAX_BYTES = 512 * 1024;
/** A text with more steps is not remembered. */
const MAX_NOTED = 1_000;

/** A row for each step, and the numbers in it. */
export const ROW = {
  /** What the step has in the text: where among the bytes of all steps that begins, and how long it is. */
  BEGIN: 0,
  LENGTH: 1,
  /** One of FOLLOWS. */
  FOLLOWS: 2,
  /** Of the value that follows, or the object that the step opens; NONE when nobody watches it. */
  SLOT: 3,
  /** The code of what the slot expects. */
  EXPECTED: 4,
  /** The first of the steps that can follow. */
  CHILD: 5,
  /** The next of the steps that could stand in its place. */
  SIBLING: 6,
  NUMBERS: 8,
} as const;

export const FOLLOWS = { VALUE: 0, BRACKET: 1, NOTHING: 2 } as const;

const ROWS = new Int32Array(MAX_STEPS * ROW.NUMBERS);
const BYTES = new Uint8Array(MAX_BYTES);
let rows = 0;
let usedBytes = 0;

/** How often all was forgotten, in an array that is always the same. */
const FORGOTTEN = new Int32Array(1);

/** The rows and bytes of all steps: always the same arrays, as V8 knows where those are. A step is named by where its row begins. */
export function allSteps(): { readonly rows: Int32Array; readonly bytes: Uint8Array; readonly forgotten: Int32Array } {
  return { rows: ROWS, bytes: BYTES, forgotten: FORGOTTEN };
}

/** What is known of one source's texts. */
export type Shapes = {
  /** The first of the steps with which they begin. */
  first: number;
  steps: number;
  readonly maxSteps: number;
  /** As all was when they were learnt: what was forgotten since is known no more. */
  forgotten: number;
};

export function newShapes(maxSteps = MAX_OWN_STEPS): Shapes {
  return { first: NONE, steps: 0, maxSteps, forgotten: NONE };
}

export function forgetAll(): void {
  FORGOTTEN[0] = (FORGOTTEN[0] ?? 0) + 1;
  rows = 0;
  usedBytes = 0;
}

export function beginAnew(shapes: Shapes): void {
  shapes.first = NONE;
  shapes.steps = 0;
  shapes.forgotten = FORGOTTEN[0] ?? 0;
}

/** The steps of the text that is being checked: where each ends, and where the value that follows does. */
const NOTED = new Int32Array(2 * MAX_NOTED);
let noted = 0;

export function beginNotes(): void {
  noted = 0;
}

export function noteValue(start: number, end: number): void {
  if (noted < MAX_NOTED) {
    NOTED[2 * noted] = start;
    NOTED[2 * noted + 1] = end;
  }
  noted += 1;
}

/** `after` is the place after the opening bracket. */
export function noteBracket(after: number): void {
  noteValue(after, NONE);
}

/** Who watches the value that begins there, and what code is expected; a slot of NONE when nobody does. */
type Watched = (start: number) => { readonly slot: number; readonly expected: number };

/** Remembers what `text` has from `from` to `end`, whose steps have been noted. */
export function remember(text: Uint8Array, from: number, end: number, shapes: Shapes, watched: Watched): void {
  if (noted > MAX_NOTED || shapes.steps >= shapes.maxSteps) return;
  let at = from;
  let before = NONE;
  for (let i = 0; i <= noted; i += 1) {
    const stepEnd = i === noted ? end : (NOTED[2 * i] ?? 0);
    const valueEnd = i === noted ? end : (NOTED[2 * i + 1] ?? 0);
    const follows = i === noted ? FOLLOWS.NOTHING : valueEnd === NONE ? FOLLOWS.BRACKET : FOLLOWS.VALUE;
    const siblings = before === NONE ? shapes.first : (ROWS[before + ROW.CHILD] ?? NONE);
    const its = text.subarray(at, stepEnd);
    let step = findStep(siblings, its, follows);
    if (step === NONE) {
      step = addStep(its, follows, watched(follows === FOLLOWS.VALUE ? stepEnd : stepEnd - 1));
      if (step === NONE) return forgetAll();
      shapes.steps += 1;
      if (siblings !== NONE) appendSibling(siblings, step);
      else if (before === NONE) shapes.first = step;
      else ROWS[before + ROW.CHILD] = step;
    }
    before = step;
    at = follows === FOLLOWS.VALUE ? valueEnd : stepEnd;
  }
}

function findStep(first: number, text: Uint8Array, follows: number): number {
  let step = first;
  while (step !== NONE) {
    const begin = ROWS[step + ROW.BEGIN] ?? 0;
    const isSame = ROWS[step + ROW.FOLLOWS] === follows && ROWS[step + ROW.LENGTH] === text.length;
    if (isSame && Buffer.compare(BYTES.subarray(begin, begin + text.length), text) === 0) return step;
    step = ROWS[step + ROW.SIBLING] ?? NONE;
  }
  return NONE;
}

function addStep(text: Uint8Array, follows: number, { slot, expected }: ReturnType<Watched>): number {
  if (rows === MAX_STEPS || usedBytes + text.length > MAX_BYTES) return NONE;
  const step = rows * ROW.NUMBERS;
  BYTES.set(text, usedBytes);
  ROWS.set([usedBytes, text.length, follows, follows === FOLLOWS.NOTHING ? NONE : slot, expected, NONE, NONE], step);
  rows += 1;
  usedBytes += text.length;
  return step;
}

function appendSibling(first: number, step: number): void {
  let last = first;
  for (let next = first; next !== NONE; next = ROWS[last + ROW.SIBLING] ?? NONE) last = next;
  ROWS[last + ROW.SIBLING] = step;
}
