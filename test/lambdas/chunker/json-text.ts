/** Texts of JSON objects as a generator of files may write them: odd white space, escapes, duplicates, large numbers. */
import * as fc from 'fast-check';

/** White space that may stand in a line. */
const space = fc.constantFrom('', '', '', ' ', '\t', ' \r ');

const HEX = '0123456789abcdefABCDEF'.split('');
const unicodeEscape = fc
  .array(fc.constantFrom(...HEX), { minLength: 4, maxLength: 4 })
  .map((digits) => `\\u${digits.join('')}`);
const character = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }).filter((text) => !/["\\\p{Cc}]/u.test(text)),
  },
  { weight: 1, arbitrary: fc.constantFrom('{', '}', '[', ']', ',', ':', '\u2028', '\u007f') },
  {
    weight: 1,
    arbitrary: fc.constantFrom('\\"', '\\\\', '\\/', '\\b', '\\f', '\\n', '\\r', '\\t', '\\ud83d', '\\uDE00'),
  },
  { weight: 1, arbitrary: unicodeEscape },
);
const stringText = fc.array(character, { maxLength: 8 }).map((parts) => `"${parts.join('')}"`);

/**
 * No name has a backslash in it: V8 13.6 (Node 24.21), once it has parsed an object with such a name, may take a name
 * written with escapes for that one. `JSON.parse('{"\\\\":1}'); JSON.parse('{"\\n":1}')` has the name `\\`.
 */
const nameText = stringText.filter((text) => !String(JSON.parse(text)).includes('\\'));

const ODD_NUMBERS = [
  '0',
  '-0',
  '1.0',
  '1E+2',
  '1e400',
  '-1E400',
  '1e-400',
  '0.1000000000000000055511151231257827',
  '9007199254740993',
  '-123456789012345678901234567890',
  '12345678901234567890.5',
  '1e0400',
];
const numberText = fc.oneof(fc.constantFrom(...ODD_NUMBERS), fc.bigInt().map(String), fc.integer().map(String));

const joined = (parts: readonly string[], [open, close]: readonly [string, string]) =>
  `${open}${parts.join(',')}${close}`;
const padded = (text: fc.Arbitrary<string>) => fc.tuple(space, text, space).map((parts) => parts.join(''));

const { value: valueText } = fc.letrec<{ value: string; member: string }>((tie) => ({
  member: fc.tuple(padded(nameText), padded(tie('value'))).map(([name, value]) => `${name}:${value}`),
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.oneof(fc.constantFrom('null', 'true', 'false'), numberText, stringText),
    fc.array(padded(tie('value')), { maxLength: 3 }).map((parts) => joined(parts, ['[', ']'])),
    fc.array(tie('member'), { maxLength: 3 }).map((parts) => joined(parts, ['{', '}'])),
  ),
}));

/** One `"name": value` of an object: how the name is written, what it means, and its whole text. */
export type MemberText = { readonly name: string; readonly text: string };

function memberOf(name: fc.Arbitrary<string>, value: fc.Arbitrary<string>): fc.Arbitrary<MemberText> {
  return fc
    .tuple(padded(name), padded(value))
    .map(([written, text]) => ({ name: String(JSON.parse(written)), text: `${written}:${text}` }));
}

/** Names that Amplitude does not know, some of them often, so that they stand twice; some are written in two ways. */
const otherName = fc.oneof(
  fc.constantFrom('"a"', '"\\u0061"', '"__proto__"', '"constructor"', '"toString"', '"7"', '""'),
  nameText,
);
const otherMember = memberOf(otherName, valueText).filter(({ name }) => name !== 'insert_id');
const insertId = memberOf(
  fc.constantFrom('"insert_id"', '"\\u0069nsert_id"'),
  fc.constantFrom('null', '""', '"own"', '"o\\u0077n2"', '"\\ud83d\\ude00"'),
);

/** Members of an object in any order; with an `insert_id` now and then, with several rarely. */
export const members: fc.Arbitrary<MemberText[]> = fc
  .tuple(
    fc.array(otherMember, { maxLength: 5 }),
    fc.oneof(
      { weight: 5, arbitrary: fc.constant([]) },
      { weight: 5, arbitrary: fc.tuple(insertId) },
      { weight: 1, arbitrary: fc.tuple(insertId, insertId) },
    ),
  )
  .chain(([others, ids]) => shuffled([...others, ...ids]));

/** The same, with what makes it an event. */
export const eventMembers: fc.Arbitrary<MemberText[]> = fc
  .tuple(
    members,
    memberOf(fc.constantFrom('"event_type"', '"event\\u005ftype"'), fc.constant('"visit"')),
    memberOf(fc.constant('"user_id"'), fc.constantFrom('"user-1"', '"us\\u0065r-1"')),
  )
  .chain(([others, ...own]) => shuffled([...others, ...own]));

export function objectText(all: readonly MemberText[]): string {
  return joined(
    all.map(({ text }) => text),
    ['{', '}'],
  );
}

function shuffled<Item>(items: readonly Item[]): fc.Arbitrary<Item[]> {
  return fc.shuffledSubarray([...items], { minLength: items.length });
}

/**
 * Parses so that no whole number is rounded, and none becomes infinite. `1.0`, `1e0` and `1` are one number, as are the
 * decimals that one double stands for.
 */
export function parseAll(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown, context?: { readonly source?: string }) => {
    if (typeof value !== 'number' || context?.source === undefined) return value;
    if (/^-?\d+$/.test(context.source)) return `whole ${BigInt(context.source)}`;
    if (!Number.isFinite(value)) return `beyond ${context.source}`;
    const written = JSON.stringify(value);
    return /^-?\d+$/.test(written) ? `whole ${BigInt(written)}` : written;
  });
}
