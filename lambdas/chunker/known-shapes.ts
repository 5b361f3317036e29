/**
 * Recognises texts that are built like one that was checked before: the events of a dump have the same names in the same
 * order, and only their values differ. What stands between the values is compared with what stood there before, four bytes at
 * a time, and only the values are looked at: 1.3 µs for an event of 600 bytes and 30 values, where looking at every name takes
 * 4.5 (`npm run bench -- chunker`).
 *
 * The texts that are known make a tree. A step of it is what stands before a value, or before what is in brackets, or at the
 * end; the steps that can follow are its children. Nothing that is not JSON gets in: a text is put into the tree once the scan
 * has checked it, and a string, a number, true, false or null in the place of another leaves it JSON with the same names.
 */
import { endOfScalar, NONE, TEXT } from './json-bytes.ts';
import { isAsExpected } from './watch-table.ts';

/** What follows a step: a value, what stands within brackets, or nothing. */
const VALUE = 0;
const BRACKET = 1;
const NOTHING = 2;

const MAX_STEPS = 8_192;
const MAX_BYTES = 256 * 1024;
/** A text with more steps is not remembered. */
const MAX_NOTED = 1_000;
/** Of steps that may come next so many are tried. */
const MAX_TRIED = 24;
/** So many texts are remembered, and more only while this share of all that came was known. */
const FREE_TEXTS = 2_000;
const WORTHWHILE = 0.2;

export type Shapes = {
  /** What stands in the text, for all steps one after the other, and for each step where that begins and how long it is. */
  readonly bytes: Uint8Array;
  readonly words: DataView;
  readonly begins: Int32Array;
  readonly lengths: Int32Array;
  readonly kinds: Uint8Array;
  /** The slot of the value that follows, or of the object that the step opens; NONE when nobody watches it. */
  readonly slots: Int32Array;
  /** The first of the steps that can follow, and the next one that could stand in a step's place. */
  readonly children: Int32Array;
  readonly siblings: Int32Array;
  steps: number;
  usedBytes: number;
  /** Texts that came, those that were known, and those that were remembered. */
  seen: number;
  known: number;
  remembered: number;
};

export function newShapes(): Shapes {
  const bytes = new Uint8Array(MAX_BYTES);
  const list = () => new Int32Array(MAX_STEPS).fill(NONE);
  return {
    bytes,
    words: new DataView(bytes.buffer),
    begins: list(),
    lengths: list(),
    kinds: new Uint8Array(MAX_STEPS),
    slots: list(),
    children: list(),
    siblings: list(),
    steps: 0,
    usedBytes: 0,
    seen: 0,
    known: 0,
    remembered: 0,
  };
}

/**
 * Where the text that begins at `from` ends, if it is a known one: then `starts` and `ends` have the places of the watched
 * values, of objects only where they begin. Otherwise NONE, and what they have means nothing.
 */
export function endOfKnown(
  from: number,
  shapes: Shapes,
  starts: Int32Array,
  ends: Int32Array,
  expected: readonly number[],
): number {
  const { kinds, slots, children, siblings } = shapes;
  shapes.seen += 1;
  let at = from;
  let step = shapes.steps > 0 ? 0 : NONE;
  for (let tried = 0; step !== NONE && tried < MAX_TRIED; tried += 1) {
    const next = afterStep(step, at, shapes);
    const kind = kinds[step];
    // Where there is no value after all, it may be another step, which begins with this one.
    const end = next === NONE || kind !== VALUE ? next : endOfScalar(next);
    if (end === NONE) {
      step = siblings[step] ?? NONE;
      continue;
    }
    if (kind === NOTHING) {
      shapes.known += 1;
      return end;
    }
    const slot = slots[step] ?? NONE;
    if (slot !== NONE) {
      if (kind === VALUE && !isAsExpected(next, end, expected[slot] ?? 0)) return NONE;
      starts[slot] = kind === VALUE ? next : next - 1;
      ends[slot] = end;
    }
    at = end;
    step = children[step] ?? NONE;
    tried = -1;
  }
  return NONE;
}

/** The place after what the step has in the text, if that is what stands there. */
function afterStep(step: number, from: number, { bytes, words, begins, lengths }: Shapes): number {
  let at = from;
  let its = begins[step] ?? 0;
  const end = its + (lengths[step] ?? 0);
  for (; its + 4 <= end; its += 4, at += 4) if (WORDS.getInt32(at) !== words.getInt32(its)) return NONE;
  for (; its < end; its += 1, at += 1) if (TEXT[at] !== bytes[its]) return NONE;
  return at;
}

const WORDS = new DataView(TEXT.buffer);

/** The steps of the text that is being checked: where each ends, and where what follows it does. */
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

/** Remembers the text from `from` to `end`, whose steps have been noted; `slotAt` says who watches the value that begins there. */
export function remember(from: number, end: number, shapes: Shapes, slotAt: (start: number) => number): void {
  const { children, known, seen } = shapes;
  if (noted > MAX_NOTED || (shapes.remembered > FREE_TEXTS && known < WORTHWHILE * seen)) return;
  shapes.remembered += 1;
  let at = from;
  let before = NONE;
  for (let i = 0; i <= noted; i += 1) {
    const isLast = i === noted;
    const stepEnd = isLast ? end : (NOTED[2 * i] ?? 0);
    const valueEnd = isLast ? end : (NOTED[2 * i + 1] ?? 0);
    const kind = isLast ? NOTHING : valueEnd === NONE ? BRACKET : VALUE;
    const siblings = before === NONE ? (shapes.steps > 0 ? 0 : NONE) : (children[before] ?? NONE);
    let step = findStep(siblings, at, stepEnd, kind, shapes);
    if (step === NONE) {
      step = addStep(at, stepEnd, kind, shapes);
      if (step === NONE) return; // full
      if (!isLast) shapes.slots[step] = slotAt(kind === VALUE ? stepEnd : stepEnd - 1);
      if (siblings !== NONE) appendSibling(siblings, step, shapes);
      else if (before !== NONE) children[before] = step;
    }
    before = step;
    at = kind === VALUE ? valueEnd : stepEnd;
  }
}

function findStep(first: number, from: number, end: number, kind: number, shapes: Shapes): number {
  let step = first;
  while (step !== NONE) {
    const isSame = shapes.kinds[step] === kind && shapes.lengths[step] === end - from;
    if (isSame && afterStep(step, from, shapes) === end) return step;
    step = shapes.siblings[step] ?? NONE;
  }
  return NONE;
}

function addStep(from: number, end: number, kind: number, shapes: Shapes): number {
  const { steps, usedBytes } = shapes;
  if (steps === MAX_STEPS || usedBytes + end - from > MAX_BYTES) return NONE;
  shapes.bytes.set(TEXT.subarray(from, end), usedBytes);
  shapes.begins[steps] = usedBytes;
  shapes.lengths[steps] = end - from;
  shapes.kinds[steps] = kind;
  shapes.steps += 1;
  shapes.usedBytes += end - from;
  return steps;
}

function appendSibling(first: number, step: number, { siblings }: Shapes): void {
  let last = first;
  while (siblings[last] !== NONE) last = siblings[last] ?? NONE;
  siblings[last] = step;
}
