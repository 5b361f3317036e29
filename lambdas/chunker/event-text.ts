/** Works on the text of an event without rewriting it: what is not touched stays as it is, to the byte. */
import { NO_EDITS, type SplicedText } from './spliced-text.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** One `"name": value` of an object: where the name (quotes included) begins, and where the value ends. */
type Member = { readonly name: string; readonly start: number; readonly end: number };

/**
 * The text of a JSON object that is not empty with `insert_id` set to `id` (plain ASCII; undefined to leave it as it is),
 * which it may have to be rebuilt for. `hasOwn` tells that it has an `insert_id` already, which is then taken out (it was null or
 * empty). `names` is how many different names it has: where a name stands twice only the last one is kept, since that is
 * the one that was checked, and what Amplitude makes of two is not known.
 */
export function withInsertId(text: Buffer, id: string | undefined, hasOwn: boolean, names: number): SplicedText {
  const members = topLevelMembers(text);
  const isPlain = members.length === names;
  if (isPlain && (id === undefined || !hasOwn)) return { text, id, edits: NO_EDITS };
  const others = id === undefined ? members : members.filter(({ name }) => name !== 'insert_id');
  return { text: rebuild(text, others, id), edits: NO_EDITS };
}

/** The object put together from the last member of each name. */
function rebuild(text: Buffer, members: readonly Member[], id: string | undefined): Buffer {
  const last = new Map(members.map((member) => [member.name, member]));
  const before = id === undefined ? [] : [Buffer.from(`"insert_id":"${id}"`)];
  const all = [...before, ...[...last.values()].map(({ start, end }) => text.subarray(start, end))];
  return Buffer.concat([
    ...all.flatMap((member, i) => [Buffer.of(i === 0 ? OPEN_BRACE : COMMA), member]),
    Buffer.of(CLOSE_BRACE),
  ]);
}

/** The members of the outermost object, in order. The text must be a valid JSON object; nothing is checked. */
export function topLevelMembers(text: Buffer): Member[] {
  const members: Member[] = [];
  let depth = 0;
  let start = -1;
  let name = '';
  for (let at = 0; at < text.length; at += 1) {
    const byte = text[at];
    if (byte === QUOTE) {
      const end = endOfString(text, at);
      if (depth === 1 && start === -1) {
        start = at;
        name = readName(text, at, end);
      }
      at = end - 1;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      depth += 1;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      depth -= 1;
      if (depth === 0 && start !== -1) members.push({ name, start, end: at });
    } else if (byte === COMMA && depth === 1) {
      members.push({ name, start, end: at });
      start = -1;
    }
  }
  return members;
}

/** `at` is the opening quote; the answer is the place after the closing one. */
function endOfString(text: Buffer, at: number): number {
  let end = at + 1;
  while (end < text.length && text[end] !== QUOTE) end += text[end] === BACKSLASH ? 2 : 1;
  return end + 1;
}

function readName(text: Buffer, start: number, end: number): string {
  const quoted = text.toString('utf8', start, end);
  return quoted.includes('\\') ? String(JSON.parse(quoted)) : quoted.slice(1, -1);
}
