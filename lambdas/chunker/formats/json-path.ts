/** Finds the array under a path of a JSON document, and skips everything else without keeping it. */
import { CLOSE_OBJECT, type ValueScanner, valueScanner } from './json-value.ts';
import { isSpace } from './unfinished-record.ts';

/** A field's name that is longer than this as JSON is none of a path. */
const MAX_NAME_BYTES = 64 * 1024;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * - `start`: nothing has come yet
 * - `fields`: in an object of the path, before a field's name, a comma or the object's end
 * - `name`: in a field's name
 * - `colon`: behind a field's name
 * - `value`: before the value of a field of the path
 * - `skip`: in a value that is not of the path
 * - `array`: in the array
 * - `end`: behind the document
 */
type Where = 'start' | 'fields' | 'name' | 'colon' | 'value' | 'skip' | 'array' | 'end';

/** `isInside`: reading goes on in the array, behind an element. */
export function arrayFinder(path: readonly string[], isInside: boolean) {
  const inWords = path.length === 0 ? 'the dump' : path.join('.');
  let where: Where = isInside ? 'array' : 'start';
  /** How many objects of the path are open. */
  let level = isInside ? path.length : 0;
  let found = isInside;
  let fault: string | undefined;
  let name: number[] = [];
  let isEscaped = false;
  let skipped: ValueScanner | undefined;

  /** The value that should be the array, or an object on the way to it. */
  function enter(byte: number): void {
    const isLast = level === path.length;
    if (byte === (isLast ? 0x5b : 0x7b)) {
      where = isLast ? 'array' : 'fields';
      if (isLast) found = true;
      else level += 1;
      return;
    }
    const at = level === 0 ? 'the dump' : path.slice(0, level).join('.');
    const hint = level === 0 ? ' (a path to the array can be given as format.path)' : '';
    fault = `${at} begins with ${JSON.stringify(String.fromCharCode(byte))}, expected ${isLast ? 'an array' : 'an object'}${hint}`;
  }

  function leave(): void {
    level -= 1;
    where = level === 0 ? 'end' : 'fields';
  }

  function endName(): void {
    const text = Buffer.from(name).toString();
    name = [];
    skipped = undefined;
    where = 'colon';
    if (isName(text, path[level - 1])) return;
    skipped = valueScanner(CLOSE_OBJECT);
  }

  /** One byte outside of the array and of skipped values. */
  function step(byte: number): void {
    if (where === 'name') {
      if (byte === QUOTE && !isEscaped) return endName();
      isEscaped = byte === BACKSLASH && !isEscaped;
      if (name.length < MAX_NAME_BYTES) name.push(byte);
      return;
    }
    if (isSpace(byte)) return;
    if (where === 'start') return enter(byte);
    if (where === 'value') return enter(byte);
    if (where === 'end')
      fault = `the document ended before it, and more follows; drop each document as a dump of its own`;
    else if (where === 'colon') {
      if (byte === 0x3a) where = skipped ? 'skip' : 'value';
      else fault = expected('a colon behind the name', byte);
    } else if (byte === QUOTE) where = 'name';
    else if (byte === CLOSE_OBJECT) leave();
    else if (byte !== 0x2c) fault = expected('a field of an object', byte);
  }

  return {
    inArray: () => where === 'array',
    leaveArray(): void {
      where = level === 0 ? 'end' : 'fields';
    },
    fault: () => fault,
    /** Reads to the array, to a fault or to the end of the piece; returns the place after, of a fault its own. */
    scan(piece: Buffer, start: number): number {
      let i = start;
      while (i < piece.length && where !== 'array') {
        if (where === 'skip' && skipped) {
          i = skipped.scan(piece, i);
          if (i === piece.length) return i;
          where = 'fields';
        }
        step(piece[i] ?? 0);
        if (fault !== undefined) return i;
        i += 1;
      }
      return i;
    },
    /** What is wrong when the dump ends here, outside of the array. */
    endFault(): string | undefined {
      if (where === 'start') return 'it is empty, expected a JSON array';
      if (where !== 'end') return 'the dump ends before its document does: it was cut off; drop a whole copy of it';
      return found ? undefined : `there is no array at ${inWords}`;
    },
  };
}

/** A name may be written with escapes. */
function isName(text: string, expectedName: string | undefined): boolean {
  if (!text.includes('\\')) return text === expectedName;
  try {
    return JSON.parse(`"${text}"`) === expectedName;
  } catch {
    return false;
  }
}

function expected(what: string, byte: number): string {
  return `found ${JSON.stringify(String.fromCharCode(byte))}, expected ${what}`;
}
