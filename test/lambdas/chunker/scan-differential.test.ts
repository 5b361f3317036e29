/**
 * What is made of a record by scanning its text is what is made of it by parsing. `DIFFERENTIAL_LINES=1000000 npx vitest run
 * test/lambdas/chunker/scan-differential.test.ts` tries so many lines.
 */
import * as fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { openStep, type StepPorts } from '../../../lambdas/chunker/enrich/open-step.ts';
import { lookupTables } from '../../../lambdas/chunker/enrich/lookup-tables.ts';
import { keyedHash } from '../../../lambdas/chunker/enrich/hash.ts';
import { topLevelMembers } from '../../../lambdas/chunker/event-text.ts';
import { forgetAll } from '../../../lambdas/chunker/known-shapes.ts';
import type { MadeEvents } from '../../../lambdas/chunker/make-events.ts';
import { openPassText, type PassText } from '../../../lambdas/chunker/pass-text.ts';
import { bytesOfText } from '../../../lambdas/chunker/spliced-text.ts';
import { recordPathOf } from '../../../lambdas/chunker/splice-plan.ts';
import { compileTransform, type Transform } from '../../../lambdas/chunker/transform.ts';
import type { Source } from '../../../shared/config.ts';
import { secretsOf } from '../../../shared/enrich-step.ts';
import { dumpOf, memoryDumps, recordOf, type SourceChanges, sourceOf } from './fixtures.ts';
import { eventMembers, objectText, parseAll } from './json-text.ts';
import { chance, relatedLine, trickyLine } from './tricky-lines.ts';

const LINES = Number(process.env.DIFFERENTIAL_LINES ?? 4_000);
const A_RUN = 200;

const TABLE = Buffer.from(
  'id,category,publisher,stock\np-1,novel,Söhne,\np-2,,"a ""quoted"" one",3\n7,short,,1\nuser-1,reader,,2\n',
);
const references = memoryDumps(TABLE);
const ports: StepPorts = {
  secret: async () => 'a key of sixteen and more',
  table: (lookup) =>
    lookupTables({ bytes: references }, () => undefined).open(lookup, dumpOf(TABLE, { key: 'table.csv' })),
};

const product = { file: 'table.csv', key: 'event_properties.product.id', column: 'id', prefix: 'product_' };
const hash = { secret: 'hash-key', encoding: 'base64url', length: 20 } as const;

const SOURCES: Record<string, SourceChanges> = {
  'without steps': {},
  'with a place as insert_id and short ids': { insertId: 'position', minIdLength: 3 },
  'with a set, a lookup and hashes': {
    enrich: [
      { set: { library: { value: 'bench/1' }, event_properties: { fields: { imported: { value: true } } } } },
      { lookup: { ...product, take: ['category', 'publisher'] } },
      { hash: { ...hash, fields: ['user_id', 'event_properties.email'] } },
    ],
  },
  'with a lookup by the id as it was, into the event': {
    enrich: [
      { hash: { ...hash, fields: ['user_id', 'device_id'], prefix: 'h-' } },
      {
        lookup: {
          ...product,
          key: '$record.user_id',
          take: { category: 'city' },
          prefix: '',
          into: 'event',
          missing: 'reject',
        },
      },
      {
        set: {
          user_properties: { value: { source: 'dump', big: 9007199254740993n } },
          groups: { value: { team: ['a'] } },
        },
      },
    ],
  },
};

/** What a lookup reads may be anything, and may be hashed after it. */
const LOOKED_UP_THEN_HASHED: readonly (readonly [key: string, field: string])[] = [
  ['event_properties.product', 'event_properties.product'],
  ['event_properties.product.id', 'event_properties.product'],
  ['event_properties.product.id', 'event_properties.product.id'],
];
for (const [key, field] of LOOKED_UP_THEN_HASHED) {
  SOURCES[`with a lookup by ${key} and then a hash of ${field}`] = {
    enrich: [
      { lookup: { ...product, key, into: 'user_properties', take: ['category'] } },
      { hash: { ...hash, fields: [field] } },
    ],
  };
}

type Both = { readonly scanned: PassText; readonly parsed: Transform };
const opened = new Map<string, Both>();

beforeAll(async () => {
  for (const [name, changes] of Object.entries(SOURCES)) opened.set(name, await openBoth(sourceOf(changes)));
});

async function openBoth(source: Source): Promise<Both> {
  expect(recordPathOf(source)).toBe('text');
  const enrich = source.enrich ?? [];
  const steps = await Promise.all(enrich.map((step, i) => openStep(step, `enrich[${i}]`, ports)));
  const key = await ports.secret('');
  const mask =
    secretsOf(enrich).length > 0
      ? (id: string) => keyedHash(id, key, { encoding: 'base64url', length: 16 })
      : undefined;
  const scanned = await openPassText(source, ports);
  if (!scanned) throw new Error('expected a source whose records are scanned');
  const parsed = compileTransform(source, steps, mask, () => undefined);
  // The whole of it, so that what the scan leaves to the parser is looked at too.
  const whole = compileTransform(source, steps, mask, scanned);
  return { scanned: (record, id) => (scanned(record, id) ? only(whole([record], 'day')) : undefined), parsed };
}

function only(made: ReturnType<Transform>): MadeEvents {
  if (made instanceof Promise || !made[0]) throw new Error('expected what is made of one record');
  return made[0];
}

/** As what is sent means, and all that is decided by. */
function meaningOf(made: MadeEvents) {
  if (made.kind !== 'events') return made;
  const events = made.events.map((prepared) => {
    const { text: _, edits: __, id: ___, bytes, ...known } = prepared;
    const text = bytesOfText(prepared);
    expect(bytes).toBe(text.length);
    // What Amplitude makes of a name that stands twice is not known, and JSON.parse does not show it.
    const names = topLevelMembers(text).map(({ name }) => name);
    expect(names).toEqual([...new Set(names)]);
    return { ...known, time: known.time === 0 ? 0 : known.time, event: parseAll(text.toString()) };
  });
  return { ...made, events };
}

/** A name written with escapes may be read as another one by V8 13.6; see json-text.ts. */
const ESCAPED_NAME = /"[^"]*\\[^"]*"\s*:/;

/** Whether the line was scanned. */
function compare(line: Buffer, { scanned, parsed }: Both): boolean {
  const record = recordOf(line);
  const made = scanned(record, () => 'any');
  if (!made) return false;
  const text = line.toString();
  if (!ESCAPED_NAME.test(text)) expect(meaningOf(made), text).toEqual(meaningOf(only(parsed([record], 'day'))));
  return true;
}

test.for(Object.keys(SOURCES))(
  '%s, tricky and damaged lines become the same events',
  { timeout: 3_600_000 },
  (name) => {
    const both = opened.get(name);
    if (!both) throw new Error(`nothing was opened for ${name}`);
    let scanned = 0;
    let lines = 0;
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = chance(seed);
        forgetAll(); // so that there is always something to be learnt
        for (let i = 0; i < A_RUN; i += 2) {
          lines += 2;
          const line = trickyLine(random);
          if (compare(line, both)) scanned += 1;
          // Its names are known now.
          if (compare(relatedLine(line, random), both)) scanned += 1;
        }
      }),
      { numRuns: Math.ceil(LINES / A_RUN / Object.keys(SOURCES).length), endOnFailure: true },
    );
    // Enough of them for this to say something.
    expect(scanned / lines).toBeGreaterThan(0.05);
    if (LINES > 4_000) console.log(`${name}: ${scanned} of ${lines} lines were scanned`);
  },
);

test('any object becomes the same event, whatever stands in it', () => {
  const both = opened.get('with a set, a lookup and hashes');
  if (!both) throw new Error('nothing was opened');
  fc.assert(
    fc.property(eventMembers, (all) => void compare(Buffer.from(objectText(all)), both)),
    { numRuns: 300 },
  );
});
