/** Finds where each event stands in the text of a request, so that what arrived can be kept or compared as it was sent. */

import { MAX_DEPTH, MAX_STRING_LENGTH } from '../shared/amplitude-event.ts';

export type Spans = {
  readonly text: Buffer;
  /** Of each event its first byte, and the byte after its last. */
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  /** Those with a field that may be nested too deep, with a string that may be too long, with a line break in them. */
  readonly deep: ReadonlySet<number>;
  readonly long: ReadonlySet<number>;
  readonly broken: ReadonlySet<number>;
};

/** An event stands inside the request's object and the events' array; its fields are one level down. */
const EVENT_DEPTH = 3;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const OPEN_OBJECT = 0x7b;
const CLOSE_ARRAY = 0x5d;
const CLOSE_OBJECT = 0x7d;

/** `text` must be a request that JSON.parse has read, `count` the number of events it found. */
export function locateEvents(text: Buffer, count: number): Spans {
  const spans = scan(text);
  if (spans.starts.length === count) return spans;
  // A key may be written with escapes, or an event be no object: the scan looks for neither.
  const { events } = JSON.parse(text.toString()) as { readonly events: readonly unknown[] };
  const objects = events.map((event) => (typeof event === 'object' && event !== null ? event : {}));
  return scan(Buffer.from(JSON.stringify({ events: objects })));
}

function scan(text: Buffer): Spans {
  let found = noEvents();
  let depth = 0;
  let inEvents = false;
  let key = 0;
  for (let i = 0; i < text.length; i++) {
    const byte = text[i];
    if (byte === QUOTE) {
      const start = i;
      i = closingQuote(text, i + 1);
      if (depth === 1) key = start;
      else if (i - start > MAX_STRING_LENGTH) found.long.add(found.ends.length);
    } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      depth++;
      if (depth === EVENT_DEPTH && inEvents) found.starts.push(i);
      else if (depth > EVENT_DEPTH + MAX_DEPTH) found.deep.add(found.ends.length);
      else if (depth === 2 && isEventsKey(text, key)) {
        inEvents = byte === OPEN_ARRAY;
        found = noEvents(); // Of a key given twice JSON.parse takes the last.
      }
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      if (depth === EVENT_DEPTH && inEvents) found.ends.push(i + 1);
      depth--;
      if (depth === 1) inEvents = false;
    } else if (depth >= EVENT_DEPTH && (byte === LINE_FEED || byte === CARRIAGE_RETURN)) {
      found.broken.add(found.ends.length);
    }
  }
  return { text, ...found };
}

function noEvents() {
  return {
    starts: [] as number[],
    ends: [] as number[],
    deep: new Set<number>(),
    long: new Set<number>(),
    broken: new Set<number>(),
  };
}

function closingQuote(text: Buffer, from: number): number {
  let i = from;
  while (text[i] !== QUOTE) i += text[i] === BACKSLASH ? 2 : 1;
  return i;
}

/** The string that starts here is the last one at the top level, and so the key of what follows. */
function isEventsKey(text: Buffer, start: number): boolean {
  return text.toString('latin1', start, start + 8) === '"events"';
}
