/** The check of events agrees with a schema of the same rules: slow, and plain to read beside Amplitude's documentation. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { findFault } from '../../../lambdas/chunker/check-event.ts';
import { runs } from '../../runs.ts';

const NOBODY = /^(anonymous|nil|none|null|n\/a|na|undefined|unknown||0{8}-0{4}-0{4}-0{4}-0{12}|\{\}|lmy47d|0|-1)$/i;

const nested = (levels: number): object => (levels === 1 ? {} : { in: nested(levels - 1) });
const levelsOf = (value: unknown): number =>
  typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(levelsOf)) : 0;

/** For each kind of value: the fields that hold it, what is allowed in them, and what Amplitude takes for sure. */
const KINDS = [
  {
    fields: ['user_id', 'device_id'],
    schema: z
      .string()
      .min(5)
      .refine((id) => !NOBODY.test(id)),
    good: ['user-1', 'device-1'],
  },
  {
    fields: [
      'insert_id',
      'platform',
      'os_name',
      'device_model',
      'country',
      'ip',
      'productId',
      'currency',
      'partner_id',
    ],
    schema: z.string(),
    good: ['', 'text'],
  },
  {
    fields: ['session_id', 'event_id', 'quantity'],
    schema: z.union([z.bigint(), z.number().refine(Number.isInteger)]),
    good: [0, -1, 1_700_000_000_000, 5n],
  },
  {
    fields: ['time'],
    schema: z
      .union([z.bigint(), z.number().refine(Number.isInteger)])
      .refine((time) => time < Date.parse('2200-01-01T00:00:00Z')),
    good: [0, -1, 1_700_000_000_000, 5n],
  },
  {
    fields: ['price', 'revenue', 'location_lat', 'location_lng'],
    schema: z.union([z.bigint(), z.number()]),
    good: [1.5, -3, 7n],
  },
  {
    fields: ['event_properties', 'user_properties', 'groups', 'group_properties', 'plan'],
    schema: z.record(z.string(), z.unknown()).refine((value) => levelsOf(value) <= 40),
    good: [{}, { a: [1] }, nested(40)],
  },
  { fields: ['$skip_user_properties_sync'], schema: z.boolean(), good: [true, false] },
] as const;

const fields = KINDS.flatMap(({ fields: names, ...kind }) => names.map((name) => ({ name, ...kind })));
const eventSchema = z
  .looseObject({
    event_type: z.string().min(1),
    ...Object.fromEntries(fields.map(({ name, schema }) => [name, schema.nullish()])),
  })
  .refine((event) => typeof (event.user_id ?? event.device_id) === 'string');

const anything = fc.oneof(
  fc.constantFrom(null, undefined, '', 'user-1', 'NULL', '0', 0, -1, 1.5, 1e300, Number.NaN, true, {}, []),
  fc.anything({ withBigInt: true, maxDepth: 2 }),
  fc.integer({ min: 38, max: 42 }).map(nested),
);
const mostly = (good: readonly unknown[]) =>
  fc.oneof({ weight: 19, arbitrary: fc.constantFrom(...good) }, { weight: 1, arbitrary: anything });
const events = fc
  .record({
    event_type: mostly(['visit']),
    others: fc
      .subarray(fields)
      .chain((chosen) =>
        fc.tuple(...chosen.map(({ name, good }) => mostly([...good, null]).map((value) => [name, value] as const))),
      ),
    unknown: anything,
  })
  .map(({ event_type, others, unknown }) => ({ event_type, ...Object.fromEntries(others), my_field: unknown }));

test('any event is taken by both, or by neither', () => {
  let taken = 0;
  fc.assert(
    fc.property(events, (event) => {
      const isTaken = findFault(event) === undefined;
      taken += isTaken ? 1 : 0;
      expect(isTaken).toBe(eventSchema.safeParse(event).success);
    }),
    { numRuns: runs(2_000) },
  );
  expect(taken).toBeGreaterThan(runs(200));
  expect(taken).toBeLessThan(runs(1_800));
});
