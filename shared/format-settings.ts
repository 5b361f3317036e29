/** What a source's `format` may say: a format's name, or the name with its options. */
import * as z from 'zod';

/** One byte that can stand between or around cells. */
const mark = z
  .string()
  .refine((text) => /^[^\0\r\n]$/.test(text) && text < '\x7f', 'one ASCII character that is no line end');

const columnType = z.enum(['string', 'number', 'boolean', 'json']);
export type ColumnType = z.output<typeof columnType>;

const tableOptions = {
  /** Around cells that hold a delimiter, a line end or itself (then doubled); `''`: cells are never quoted. */
  quote: z
    .union([mark, z.literal('')], { error: 'one ASCII character, or an empty string for no quotes' })
    .default('"'),
  /** Whether the first row names the columns. True unless `columns` are given; with both, `columns` count. */
  header: z.boolean().optional(),
  /** The columns' names, in order. */
  columns: z.array(z.string().min(1)).min(1).optional(),
  /** What the cells of a column are; `string` if it is not named here. */
  types: z.record(z.string(), columnType).default({}),
  /** `omit`: an empty cell is left out of its record; `keep`: in a column of strings it is an empty string. */
  empty: z.enum(['omit', 'keep']).default('omit'),
  /** Unquoted cells that stand for null, such as `\N`. */
  nulls: z.array(z.string().min(1)).default([]),
};

type Table = {
  readonly columns?: string[] | undefined;
  readonly header?: boolean | undefined;
  readonly delimiter?: string | undefined;
  readonly quote: string;
};

function checkTable({ value, issues }: z.core.ParsePayload<Table>): void {
  const { columns, delimiter, quote } = value;
  if (delimiter === quote) {
    issues.push({ code: 'custom', path: ['delimiter'], message: 'another character than the quote', input: delimiter });
  }
  if (value.header === false && !columns) {
    const message = 'columns as well: without a header row the columns need names';
    issues.push({ code: 'custom', path: ['header'], message, input: false });
  }
  const twice = columns?.find((name, i) => columns.indexOf(name) !== i);
  if (twice === undefined) return;
  const message = `every name once, but ${JSON.stringify(twice)} stands twice`;
  issues.push({ code: 'custom', path: ['columns'], message, input: columns });
}

/** Comma-separated values; without `delimiter` it is the one of `,` `;` tab and `|` that the first row has most of. */
const csvSchema = z.strictObject({ type: z.literal('csv'), delimiter: mark.optional(), ...tableOptions });
/** The same with tabs. */
const tsvSchema = z.strictObject({ type: z.literal('tsv'), delimiter: mark.default('\t'), ...tableOptions });

const jsonArraySchema = z.strictObject({
  type: z.literal('json-array'),
  /** Where the array is: names of objects' fields from the outside in, as an array or with dots between; without it the dump is the array. */
  path: z
    .union([z.string().min(1), z.array(z.string()).min(1)], { error: 'names with dots between, or an array of names' })
    .transform((path) => (typeof path === 'string' ? path.split('.') : path))
    .optional(),
});

const OPTIONS = [
  z.strictObject({ type: z.literal('ndjson') }),
  jsonArraySchema,
  csvSchema.check(checkTable),
  tsvSchema.check(checkTable),
  z.strictObject({ type: z.literal('parquet') }),
  z.strictObject({ type: z.literal('zip') }),
] as const;

export const FORMAT_NAMES = ['ndjson', 'json-array', 'csv', 'tsv', 'parquet', 'zip'] as const;
export type FormatName = (typeof FORMAT_NAMES)[number];

const expected = `a format (${FORMAT_NAMES.join(', ')}), or an object with it as type`;
const optionsSchema = z.discriminatedUnion('type', OPTIONS, {
  error: (issue) => (issue.code === 'invalid_union' ? `one of ${FORMAT_NAMES.join(', ')}` : expected),
});

/** Its output is always the object, with every default filled in. */
export const formatSchema = z.union([z.enum(FORMAT_NAMES).transform((type) => formatOf(type)), optionsSchema], {
  error: expected,
});

export type Format = z.output<typeof optionsSchema>;
export type TableFormat = Extract<Format, { readonly type: 'csv' | 'tsv' }>;
export type JsonArrayFormat = Extract<Format, { readonly type: 'json-array' }>;

/** The format with the defaults of all its options. */
export function formatOf(type: FormatName): Format {
  return optionsSchema.parse({ type });
}

/** Every option of any format. */
export const FORMAT_OPTIONS: readonly string[] = [...new Set(OPTIONS.flatMap((schema) => Object.keys(schema.shape)))];
