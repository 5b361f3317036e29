/** Lines as a hostile generator of dumps would write them: events in odd spellings, and such lines damaged at a few places. */

/** Numbers from 0 to below `n` that look like chance and follow from the seed (mulberry32). */
export function chance(seed: number): (n: number) => number {
  let state = seed | 0;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return Math.floor((((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32) * n);
  };
}

const TEXTS = [
  '""',
  '"a"',
  '"a reasonably long text"',
  '"Köln 東京 🐈"',
  '"\\u00e9\\/\\"\\\\"',
  '"\\ud83d\\ude00"',
  '"\\ud83d"',
  '"}],{["',
  '"\u2028\u007f"',
  '"\t"',
  '"\\x"',
  '"\\u12g4"',
];
const NUMBERS = [
  '0',
  '-0',
  '7',
  '1763625600000',
  '1763625600000123',
  '12.5',
  '1.0',
  '1E+2',
  '1e400',
  '0.1000000000000000055511151231257827',
  '9007199254740993',
  '-123456789012345678901234567890',
  '01',
  '1.',
  '.5',
  '-',
  '1e',
  '+1',
];
const OTHERS = [
  'null',
  'true',
  'false',
  '{}',
  '[]',
  '{"a":{"b":[1,{"c":null}]}}',
  '[[[]]]',
  'nul',
  'NaN',
  '',
  'truefalse',
];
const DEEP = [29, 30, 31, 38, 39, 40, 41].map((levels) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`);
const IDS = [
  '"user-1"',
  '"user-22222"',
  '"unknown"',
  '"UNDEFINED"',
  '"abc"',
  '"0"',
  '""',
  'null',
  '17',
  '"us\\u0065r-1"',
  '"Größe-1"',
];
const EVENT_TYPES = ['"visit"', '"visit"', '"visit"', '""', 'null', '"$identify"', '3'];
const TIMES = ['1763625600000', '1763625600000', '1763625600000123', '"now"', 'null', '-5', '1e3', '7258118400000'];
const INSERT_IDS = ['"own"', '""', 'null', '"o\\u0077n"', '5'];
const PRODUCTS = [
  '"p-1"',
  '"p-2"',
  '"p-3"',
  '"none"',
  '7',
  '07',
  'null',
  '""',
  'true',
  '"p\\u002d1"',
  '[1]',
  '-7',
  '1e1',
];
const SPACINGS = [[''], [''], ['', ' '], ['', '', ' ', '\t', ' \r '], ['', '', '', '', '', '', '\n']];
const BYTES = Buffer.from('"\\{}[],:0123456789eE+-.tfnul \t\n\r/a\0\x1f\x7f');
const NO_UTF8 = [0x80, 0xff, 0xc3, 0xed, 0xa0, 0xf0];

/** Any one line; most are events that Amplitude would take, or nearly. */
export function trickyLine(random: (n: number) => number): Buffer {
  const pick = <Item>(list: readonly Item[]): Item => list[random(list.length)] as Item; // no list is empty
  const spaces = pick(SPACINGS);
  const often = (text: string, others: readonly string[]) => (random(12) > 0 ? text : pick(others));
  const value = (): string => {
    const kind = random(30);
    if (kind === 0) return pick(DEEP);
    return kind < 10
      ? pick(TEXTS.slice(0, 9))
      : kind < 19
        ? pick(NUMBERS.slice(0, 12))
        : kind < 28
          ? pick(OTHERS.slice(0, 7))
          : pick([...TEXTS, ...NUMBERS, ...OTHERS]);
  };
  const object = (members: readonly string[][]): string => {
    const shuffled = members.map((member) => ({ member, at: random(1_000) })).toSorted((a, b) => a.at - b.at);
    const written = shuffled.map(
      ({ member: [name, of] }) => `${pick(spaces)}${name}${pick(spaces)}:${pick(spaces)}${of}`,
    );
    return `{${written.join(',')}${pick(spaces)}}`;
  };
  const some = (share: number, member: () => string[]): string[][] => (random(100) < share ? [member()] : []);

  const product = () =>
    object([
      ['"id"', random(3) > 0 ? pick(PRODUCTS.slice(0, 5)) : pick(PRODUCTS)],
      ...some(50, () => ['"x"', value()]),
    ]);
  const properties = () =>
    object([
      ...some(80, () => ['"product"', often(product(), OTHERS)]),
      ...some(30, () => ['"email"', often('"a@example.com"', [...IDS, ...OTHERS])]),
      ...some(4, () => [pick(['"imported"', '"product_category"', '"product_publisher"']), value()]),
      ...some(60, () => [pick(['"a"', '"a b"', '"__proto__"', '""', '"é"']), value()]),
      ...some(10, () => [pick(['"a"', '"\\u0061"', '"product"']), value()]),
    ]);
  const line = object([
    ['"event_type"', often('"visit"', EVENT_TYPES)],
    ['"user_id"', often('"user-1"', IDS)],
    ...some(70, () => ['"device_id"', often('"device-12"', IDS)]),
    ...some(80, () => ['"time"', often('1763625600000', TIMES)]),
    ...some(10, () => ['"insert_id"', often('"own"', INSERT_IDS)]),
    ...some(80, () => ['"event_properties"', often(properties(), OTHERS)]),
    ...some(20, () => ['"user_properties"', often('{"plan":"pro"}', OTHERS)]),
    ...some(20, () => [pick(['"city"', '"library"', '"price"', '"quantity"', '"location_lat"', '"plan"']), value()]),
    ...some(40, () => [pick(['"other"', '"__proto__"', '"toString"', '"7"', '""', '"ключ"']), value()]),
    ...some(10, () => [pick(['"other"', '"user_id"', '"event\\u005ftype"', '"time"', '"event_properties"']), value()]),
  ]);
  return random(3) > 0 ? Buffer.from(line) : damaged(Buffer.from(line), random);
}

/** A string that is no name, a number or a word. */
const VALUE = /"(?:[^"\\]|\\.)*"(?![\s]*:)|-?\d[\d.eE+-]*|true|false|null/g;

const VALUES = [...TEXTS, ...NUMBERS, ...OTHERS, '', ...IDS, ...TIMES, ...PRODUCTS];

/** The same names in the same places, with one or two values that are others, of another kind, or none at all. */
export function relatedLine(line: Buffer, random: (n: number) => number): Buffer {
  const text = line.toString('latin1');
  const values = text.match(VALUE) ?? [];
  const changed = new Set([random(values.length), random(values.length)]);
  let next = 0;
  const related = text.replaceAll(VALUE, (value) => {
    const other = VALUES[random(VALUES.length)] ?? '';
    return changed.has(next++) ? Buffer.from(other).toString('latin1') : value;
  });
  return random(4) > 0 ? Buffer.from(related, 'latin1') : damaged(Buffer.from(related, 'latin1'), random);
}

/** Cut off, or with bytes changed, taken out, put in or repeated at up to three places. */
function damaged(line: Buffer, random: (n: number) => number): Buffer {
  if (random(8) === 0) return line.subarray(0, random(line.length));
  let text = line;
  for (let left = 1 + random(3); left > 0; left -= 1) {
    const at = random(text.length);
    const byte = random(20) === 0 ? NO_UTF8[random(NO_UTF8.length)] : BYTES[random(BYTES.length)];
    const middle =
      [[byte ?? 0], [], [byte ?? 0, text[at] ?? 0], [...text.subarray(at, at + random(20))]][random(4)] ?? [];
    text = Buffer.concat([text.subarray(0, at), Buffer.from(middle), text.subarray(at + 1)]);
  }
  return text;
}
