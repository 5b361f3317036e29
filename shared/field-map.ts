/** The map without a function: for each field of the event an expression that says where its value comes from. */
import * as z from 'zod';
import { EVENT_FIELDS, type EventField, type Json } from './amplitude-event.ts';
import { oneOf } from './one-of.ts';
import { type Path, parsePath, parseTemplate } from './path.ts';

/** What happens when there is no value: by itself the field is left out. */
type Otherwise = {
  /** Taken instead. */
  readonly default?: Json;
  /** True: the record is rejected. */
  readonly required?: boolean;
};

/** An object put together: `from` something, or `pick`ed, or the `rest`; without `drop`, `rename`d, `flatten`ed; then `fields`. */
export type ObjectExpression = Otherwise & {
  /** An object to begin with, all of it: a path, or `{ json: … }`. */
  readonly from?: Expression;
  /** Only these, each under its last name; of `from` if that is there, otherwise of the record. */
  readonly pick?: readonly Path[];
  /** Everything in the record (or in the object at this path) that nothing else in the map uses. */
  readonly rest?: true | Path;
  /** Left out, at any depth: `'a.b'`. */
  readonly drop?: readonly Path[];
  /** From the old name to the new one, on the outermost level; before it is flattened. */
  readonly rename?: Readonly<Record<string, string>>;
  /** Objects within become names joined with a dot, or with this text. Lists stay lists. */
  readonly flatten?: true | string;
  /** Laid over the rest, by name. */
  readonly fields?: Readonly<Record<string, Expression>>;
};

/** Where a value comes from. Operands are expressions too, so that they can be nested. */
export type Expression =
  | Path
  /** The first that is present. */
  | readonly Expression[]
  | (Otherwise & { readonly path: Expression })
  /** Always this. */
  | { readonly value: Json }
  /** Text with paths in braces; nothing when one of them is missing. */
  | (Otherwise & { readonly template: string })
  | (Otherwise & { readonly string: Expression })
  /** Of text too; integers beyond 2^53 stay exact. */
  | (Otherwise & { readonly number: Expression })
  /** Of true, false, 1, 0, and as text also yes and no. */
  | (Otherwise & { readonly boolean: Expression })
  /** Text that is JSON; what is no text stays. */
  | (Otherwise & { readonly json: Expression })
  | (Otherwise & {
      /** ISO 8601 text, or with `unit` a number (as text too); becomes milliseconds since epoch. */
      readonly time: Expression;
      readonly unit?: 's' | 'ms' | 'us' | 'ns';
      /** IANA name of the zone of times that do not say theirs: `Europe/Berlin`, `UTC`. */
      readonly zone?: string;
      /** `iso`: text in UTC. */
      readonly to?: 'ms' | 'iso';
    })
  /** What the pattern finds in a text: its first group, or all of it. */
  | (Otherwise & { readonly match: Expression; readonly pattern: RegExp | string })
  /** An id made of several values: the first characters of the SHA-256 (hex) of the list of them as JSON. */
  | { readonly digest: readonly Expression[]; readonly length?: number }
  | ObjectExpression;

/** An expression for each field that the event is to have. */
export type FieldMap = { readonly [Field in EventField]?: Expression };

export const pathSchema = z
  .string()
  .refine(
    (text) => parsePath(text) !== undefined,
    'a path such as user.id, with names that hold a dot in double quotes',
  );

const json = z.custom<Json>(
  (value) => value === null || ['string', 'number', 'boolean', 'bigint', 'object'].includes(typeof value),
  'a value that JSON can hold',
);
const otherwise = { default: json.optional(), required: z.boolean().optional() };
const operand: z.ZodType<Expression, Expression> = z.lazy(() => expressionSchema);

const zone = z.string().refine(isZone, 'the IANA name of a time zone, such as Europe/Berlin');
const template = z
  .string()
  .refine((text) => parseTemplate(text) !== undefined, 'text with paths in braces: "{first} {last}"');
export const patternSchema = z.custom<RegExp | string>(isPattern, 'a regular expression');

const objectSchema = z
  .strictObject({
    ...otherwise,
    from: operand.optional(),
    pick: z.array(pathSchema).min(1).optional(),
    rest: z.union([z.literal(true), pathSchema], 'true or a path').optional(),
    drop: z.array(pathSchema).optional(),
    rename: z.record(z.string(), z.string()).optional(),
    flatten: z.union([z.literal(true), z.string().min(1)], 'true or the text between the names').optional(),
    fields: z.record(z.string(), operand).optional(),
  })
  .refine(({ rest, from, pick }) => rest === undefined || (from ?? pick) === undefined, {
    path: ['rest'],
    message: 'no from and no pick beside it',
  });

export const expressionSchema: z.ZodType<Expression, Expression> = oneOf<Expression>(
  'a path, a list of expressions, or an object with one of',
  [
    { when: (value) => typeof value === 'string', schema: pathSchema },
    { when: Array.isArray, schema: z.array(operand).min(1) },
    { when: 'path', schema: z.strictObject({ path: operand, ...otherwise }) },
    { when: 'value', schema: z.strictObject({ value: json }) },
    { when: 'template', schema: z.strictObject({ template, ...otherwise }) },
    { when: 'string', schema: z.strictObject({ string: operand, ...otherwise }) },
    { when: 'number', schema: z.strictObject({ number: operand, ...otherwise }) },
    { when: 'boolean', schema: z.strictObject({ boolean: operand, ...otherwise }) },
    { when: 'json', schema: z.strictObject({ json: operand, ...otherwise }) },
    {
      when: 'time',
      schema: z.strictObject({
        time: operand,
        unit: z.enum(['s', 'ms', 'us', 'ns']).optional(),
        zone: zone.optional(),
        to: z.enum(['ms', 'iso']).optional(),
        ...otherwise,
      }),
    },
    { when: 'match', schema: z.strictObject({ match: operand, pattern: patternSchema, ...otherwise }) },
    {
      when: 'digest',
      schema: z.strictObject({ digest: z.array(operand).min(1), length: z.int().min(8).max(64).optional() }),
    },
    ...(['fields', 'pick', 'rest', 'from'] as const).map((when) => ({ when, schema: objectSchema })),
  ],
);

const fields = Object.fromEntries([...EVENT_FIELDS.keys()].map((field) => [field, operand.optional()]));

/** Its type is written out above: that of the schema would know no names. */
export const fieldMapSchema = z.strictObject(fields) as unknown as z.ZodType<FieldMap, FieldMap>;

function isZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).format(0) !== '';
  } catch {
    return false;
  }
}

function isPattern(value: unknown): boolean {
  if (value instanceof RegExp) return true;
  if (typeof value !== 'string' || value === '') return false;
  try {
    return new RegExp(value).source !== '';
  } catch {
    return false;
  }
}
