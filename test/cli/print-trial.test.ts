/** How a record and its events look on a terminal of any width. */
import { stripVTControlCharacters, styleText } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonLines } from '../../cli/print-json.ts';
import { formatTrial, type Look, WIDE } from '../../cli/print-trial.ts';
import { harmless, widthOf, wrap } from '../../cli/text-width.ts';
import type { Trial } from '../../cli/try-dump.ts';
import { capWarnings } from '../../lambdas/chunker/cap-warnings.ts';
import type { JsonObject } from '../../shared/amplitude-event.ts';

const plain: Look['style'] = (_format, text) => text;
const painted: Look['style'] = (format, text) => styleText(format, text, { validateStream: false });

function trialOf(record: string | JsonObject, events: readonly JsonObject[], more: Partial<Trial> = {}): Trial {
  const bytes = Buffer.from(typeof record === 'string' ? record : JSON.stringify(record));
  return {
    record: { bytes, length: bytes.length, position: 1_234, end: 0, terminated: true },
    made: { kind: 'events', events: [], refused: [] },
    events: events.map((event) => ({ event, warnings: capWarnings(event) })),
    refused: [],
    ...more,
  };
}

const event = { event_type: 'Seen', user_id: 'user-1', time: 1_700_000_000_000 };

test('side by side from 100 columns on, one below the other on anything narrower', () => {
  const trial = trialOf({ a: 1 }, [event]);
  expect(formatTrial(trial, { width: WIDE, style: plain })).toEqual([
    `record 1,234${' '.repeat(36)} │ → event`,
    `  {${' '.repeat(45)} │   {`,
    `    "a": 1${' '.repeat(38)} │     "event_type": "Seen",`,
    `  }${' '.repeat(45)} │     "user_id": "user-1",`,
    `${' '.repeat(48)} │     "time": 1700000000000`,
    `${' '.repeat(48)} │   }`,
  ]);
  const narrow = [
    'record 1,234',
    '  {',
    '    "a": 1',
    '  }',
    '→ event',
    '  {',
    '    "event_type": "Seen",',
    '    "user_id": "user-1",',
    '    "time": 1700000000000',
    '  }',
  ];
  expect(formatTrial(trial, { width: WIDE - 1, style: plain })).toEqual(narrow);
  expect(formatTrial(trial, { width: undefined, style: plain })).toEqual(narrow);
});

test.each<[string, Trial, readonly string[]]>([
  ['filtered', trialOf({}, [], { made: { kind: 'filtered' } }), ['→ filtered', '  the configuration leaves it out']],
  [
    'rejected',
    trialOf('no\njson', [], { made: { kind: 'unusable', reason: 'record is not JSON', detail: 'so' } }),
    ['  no', '  json', '→ rejected: record is not JSON', '  so'],
  ],
  [
    'refused',
    trialOf({}, [event], {
      refused: [{ reason: 'user_id is too short', detail: 'found "x"', text: '{"user_id":"x"}' }],
    }),
    ['→ event 1 of 2', '→ event 2 of 2 refused: user_id is too short', '  found "x"', '    "user_id": "x"'],
  ],
  [
    'left out by the route',
    trialOf({}, [], { made: { kind: 'filtered', leftOut: 1 } }),
    ['→ filtered', '  the route has no project for it (otherwise: filter)'],
  ],
  [
    'events for several projects, and one for none',
    trialOf({}, [], {
      made: { kind: 'events', events: [], refused: [], leftOut: 1 },
      events: ['acme', 'globex'].map((project) => ({ event, warnings: [], project })),
    }),
    ['→ event 1 of 2 to project acme', '→ event 2 of 2 to project globex', '→ and 1 more, left out'],
  ],
  [
    'a warning',
    trialOf({}, [{ ...event, mine: 1 }]),
    ['  dropped mine: Amplitude documents no such field; in event_properties it is kept'],
  ],
  [
    'a warning of one of two events',
    trialOf({}, [event, { ...event, ip: '$remote' }]),
    ['  check   event 2, ip: Amplitude takes the address of the upload, which is not the user’s'],
  ],
  ['a long record that is no JSON', trialOf('x'.repeat(3_000), []), ['  … 2,000 more bytes']],
  [
    'a file in a dump',
    trialOf({}, [], { record: { ...trialOf({}, []).record, within: { name: 'a.json', before: 1_200 } } }),
    ['record 1,234, line 34 of a.json'],
  ],
])('what is said of %s', (_what, trial, expected) => {
  expect(formatTrial(trial, { width: undefined, style: plain })).toEqual(expect.arrayContaining([...expected]));
});

const json = fc.jsonValue({ stringUnit: 'binary', depthSize: 'large' }) as fc.Arbitrary<JsonObject[string]>;
const records = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.dictionary(fc.string({ unit: 'binary' }), json as fc.Arbitrary<JsonObject>),
);

test('whatever stands in a record, no line is wider than the terminal, and nothing of it commands the terminal', () => {
  const cases = fc.record({
    record: records,
    properties: json,
    width: fc.integer({ min: 20, max: 240 }),
    isPainted: fc.boolean(),
  });
  fc.assert(
    fc.property(cases, ({ record, properties, width, isPainted }) => {
      const text = typeof record === 'string' ? record : JSON.stringify(record);
      const trial = trialOf(record, [{ ...event, event_properties: properties }], {
        refused: [{ reason: 'r', detail: text, text }],
      });
      for (const line of formatTrial(trial, { width, style: isPainted ? painted : plain })) {
        const bare = isPainted ? stripVTControlCharacters(line) : line;
        expect(widthOf(bare)).toBeLessThanOrEqual(width);
        expect(bare).not.toMatch(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/u);
      }
    }),
  );
});

test('colours change nothing of what is said', () => {
  const trial = trialOf({ a: 'x'.repeat(300), b: { c: [1, { d: 2 }] } }, [{ ...event, mine: 1 }]);
  for (const width of [undefined, 60, 140]) {
    const [bare, colored] = [plain, painted].map((style) => formatTrial(trial, { width, style }));
    expect(colored).not.toEqual(bare);
    expect(colored?.map((line) => stripVTControlCharacters(line).trimEnd())).toEqual(
      bare?.map((line) => line.trimEnd()),
    );
  }
});

test.each([
  ['plain', 5],
  ['Köln', 4],
  ['Ko\u0308ln', 4],
  ['日本語', 6],
  ['한국', 4],
  ['ｆｕｌｌ', 8],
  ['👍', 2],
  ['👨‍👩‍👧‍👦', 2],
  ['🇩🇪', 2],
  ['القاهرة', 7],
  ['a\u200bb', 2],
])('%s takes %i columns', (text, width) => {
  expect(widthOf(text)).toBe(width);
});

test('a wrapped line loses nothing: its pieces without their indent are the line', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 300 }),
      fc.integer({ min: 8, max: 60 }),
      fc.nat(80),
      (text, width, indent) => {
        const line = `${' '.repeat(indent)}x${harmless(text)}`;
        const pieces = wrap(line, width);
        for (const piece of pieces) expect(widthOf(piece)).toBeLessThanOrEqual(width);
        const hanging = Math.min(indent + 2, Math.floor(width / 2));
        const joined = pieces.map((piece, i) => (i === 0 ? piece.trimStart() : piece.slice(hanging))).join('');
        expect(joined).toBe(line.trimStart());
      },
    ),
  );
});

test('words stay whole where that leaves little room empty', () => {
  expect(wrap('  found a text that is no time', 20)).toEqual(['  found a text that ', '    is no time']);
  expect(wrap(`  ${'x'.repeat(30)}`, 20)).toEqual([`  ${'x'.repeat(18)}`, `    ${'x'.repeat(12)}`]);
});

test('values are shown short: small ones on one line, of long strings the beginning, of endless lists too', () => {
  expect(jsonLines({ a: [1, 2, null], b: {}, c: { d: true }, e: 'x'.repeat(250), f: 12345678901234567890n })).toEqual([
    '{',
    '  "a": [1, 2, null],',
    '  "b": {},',
    '  "c": { "d": true },',
    `  "e": "${'x'.repeat(200)}"… 50 more characters,`,
    '  "f": 12345678901234567890',
    '}',
  ]);
  const endless = jsonLines(Array.from({ length: 100_000 }, () => ({ a: 1 })));
  expect(endless).toHaveLength(201);
  expect(endless.at(-1)).toContain('--json shows all');
  const deep = JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`) as unknown;
  expect(jsonLines(deep).length).toBeLessThan(120);
});
