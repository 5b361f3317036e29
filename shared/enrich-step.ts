/** What may be done to an event after it was mapped, one step after the other. */
import * as z from 'zod';
import { type AmplitudeEvent, EVENT_FIELDS } from './amplitude-event.ts';
import { suggestion } from './config-issues.ts';
import type { RecordPosition } from './config.ts';
import {
  type Expression,
  expressionSchema,
  type FieldMap,
  fieldMapSchema,
  pathSchema,
  patternSchema,
} from './field-map.ts';
import { formatSchema } from './format-settings.ts';
import { oneOf } from './one-of.ts';
import type { Path } from './path.ts';
import { fileSchema } from './references.ts';

/** Methods, so that a step may name the shape of its own events. */
type Methods = {
  /** The event to go on with, or null to leave it out. It must be a pure function, like a map. */
  each(event: AmplitudeEvent, at: RecordPosition): AmplitudeEvent | null;
  /**
   * One answer for each event, in the same order; null leaves that event out. Throwing does not reject anything: the
   * dump is read again later. The same event must always get the same answer.
   */
  batch(events: readonly AmplitudeEvent[]): Promise<readonly (AmplitudeEvent | null)[]>;
};
export type EventFunction = Methods['each'];
export type BatchFunction = Methods['batch'];

/** Operations on user properties that Amplitude takes in a `$identify` event (https://amplitude.com/docs/apis/analytics/identify). */
export const IDENTIFY_OPERATIONS = [
  '$set',
  '$setOnce',
  '$add',
  '$append',
  '$prepend',
  '$unset',
  '$preInsert',
  '$postInsert',
  '$remove',
  '$clearAll',
] as const;
export type IdentifyOperation = (typeof IDENTIFY_OPERATIONS)[number];

export type RedactOptions = {
  /** Properties whose value is replaced, at any depth: by name, or by a pattern that the name matches. */
  readonly keys?: readonly (string | RegExp)[];
  /** Parts of any text that are replaced. */
  readonly patterns?: readonly (string | RegExp)[];
  /** @default '[redacted]' */
  readonly with?: string;
};

export type HashOptions = {
  /** Paths in the event. Of a list every element is meant. */
  readonly fields: readonly Path[];
  /** Name or ARN of the Secrets Manager secret that holds the key. */
  readonly secret: string;
  /** @default 'hex' */
  readonly encoding?: 'hex' | 'base64url';
  /** Characters of the hash that are kept; all of them by default (64 in hex, 43 in base64url). */
  readonly length?: number;
  /** Put before each hash. */
  readonly prefix?: string;
};

export type UserAgentOptions = {
  /** @default 'user_agent' */
  readonly from?: Expression;
  /** Before the names of the event properties browser, browser_version and device_type. */
  readonly prefix?: string;
};

export type UrlOptions = {
  readonly from: Expression;
  /** Before host and path. @default 'url_' */
  readonly prefix?: string;
  /** @default 'event_properties' */
  readonly into?: 'event_properties' | 'user_properties';
  /** Whether utm_source, utm_medium, utm_campaign, utm_term, utm_content and utm_id are taken. @default true */
  readonly utm?: boolean;
  /** Further parameters that are taken, each under the prefix. */
  readonly query?: readonly string[];
};

export type IdentifyOptions = {
  /** Further operations: for each the user properties and where their values come from. */
  readonly fields?: { readonly [Operation in IdentifyOperation]?: Readonly<Record<string, Expression>> };
  /** Whether `$identify` events of one user that follow each other become one. @default true */
  readonly merge?: boolean;
};

export type LookupOptions = {
  /** A path relative to the configuration file, or `s3://bucket/key`. */
  readonly file: string;
  /** Without it that follows from the content. */
  readonly format?: z.input<typeof formatSchema>;
  /** Whose row an event gets. */
  readonly key: Expression;
  /** The column of the file that holds the keys; they are compared as text. */
  readonly column: string;
  /** Columns whose values the event gets, or from column to the name it gets there. */
  readonly take: readonly string[] | Readonly<Record<string, string>>;
  /** Before each of these names. */
  readonly prefix?: string;
  /** @default 'event_properties' */
  readonly into?: 'event_properties' | 'user_properties' | 'event';
  /** What becomes of an event for which there is no row. @default 'leave' */
  readonly missing?: 'leave' | 'reject' | 'filter';
  /** Which of several rows with one key counts; `refuse`: none, unless they say the same. @default 'refuse' */
  readonly duplicates?: 'first' | 'last' | 'refuse';
};

export type EnrichStep =
  /** Laid over the event. Paths begin at the event, with `$record.` at the record. */
  | { readonly set: FieldMap }
  | { readonly drop: readonly Path[] }
  | { readonly redact: RedactOptions }
  | { readonly hash: HashOptions }
  | { readonly userAgent: UserAgentOptions }
  | { readonly url: UrlOptions }
  | { readonly identify: IdentifyOptions }
  | { readonly lookup: LookupOptions }
  | { readonly batch: BatchFunction; readonly size?: number }
  | EventFunction;

/** Events that one call of a batch step gets. */
export const MAX_BATCH = 1_000;

/** So many characters of a hash at least: 64 bits in hex; a collision would make two people one. */
const MIN_HASH_LENGTH = 16;

const patterns = z.array(patternSchema).min(1);
const isFunction = (value: unknown): boolean => typeof value === 'function';

const redact = z
  .strictObject({ keys: patterns.optional(), patterns: patterns.optional(), with: z.string().optional() })
  .refine(({ keys, patterns: some }) => (keys ?? some) !== undefined, 'keys, patterns or both');

const hash = z.strictObject({
  fields: z.array(pathSchema).min(1),
  secret: z.string().min(1),
  encoding: z.enum(['hex', 'base64url']).optional(),
  length: z.int().min(MIN_HASH_LENGTH).max(64).optional(),
  prefix: z.string().optional(),
});

const userAgent = z.strictObject({ from: expressionSchema.optional(), prefix: z.string().optional() });

const url = z.strictObject({
  from: expressionSchema,
  prefix: z.string().optional(),
  into: z.enum(['event_properties', 'user_properties']).optional(),
  utm: z.boolean().optional(),
  query: z.array(z.string().min(1)).optional(),
});

const properties = z.record(z.string(), expressionSchema).optional();
const identify = z.strictObject({
  fields: z.strictObject(Object.fromEntries(IDENTIFY_OPERATIONS.map((name) => [name, properties]))).optional(),
  merge: z.boolean().optional(),
});

const columnName = z.string().min(1);
const lookup = z
  .strictObject({
    file: fileSchema,
    format: formatSchema.optional(),
    key: expressionSchema,
    column: columnName,
    take: z.union([z.array(columnName).min(1), z.record(columnName, z.string().min(1))], {
      error: 'names of columns, or an object from column to name',
    }),
    prefix: z.string().optional(),
    into: z.enum(['event_properties', 'user_properties', 'event']).optional(),
    missing: z.enum(['leave', 'reject', 'filter']).optional(),
    duplicates: z.enum(['first', 'last', 'refuse']).optional(),
  })
  .check(({ value, issues }) => {
    const targets = namesTaken(value).map(([, name]) => name);
    const unknown = value.into === 'event' ? targets.find((name) => !EVENT_FIELDS.has(name)) : undefined;
    const twice = targets.find((name, i) => targets.indexOf(name) !== i);
    const problem = (message: string) => issues.push({ code: 'custom', path: ['take'], message, input: value.take });
    if (targets.length === 0) problem('at least one column');
    if (unknown !== undefined) {
      const nearest = suggestion(unknown, [...EVENT_FIELDS.keys()]);
      problem(`fields of an event, but it has no ${JSON.stringify(unknown)}${nearest}`);
    }
    if (twice !== undefined) problem(`every name once, but ${JSON.stringify(twice)} stands twice`);
  });

export const enrichStepSchema = oneOf<EnrichStep>('a function from event to event, or an object with one of', [
  { when: isFunction, schema: z.custom<EventFunction>() },
  { when: 'set', schema: z.strictObject({ set: fieldMapSchema }) },
  { when: 'drop', schema: z.strictObject({ drop: z.array(pathSchema).min(1) }) },
  { when: 'redact', schema: z.strictObject({ redact }) },
  { when: 'hash', schema: z.strictObject({ hash }) },
  { when: 'userAgent', schema: z.strictObject({ userAgent }) },
  { when: 'url', schema: z.strictObject({ url }) },
  { when: 'identify', schema: z.strictObject({ identify }) },
  { when: 'lookup', schema: z.strictObject({ lookup }) },
  {
    when: 'batch',
    schema: z.strictObject({
      batch: z.custom<BatchFunction>(isFunction, 'a function from events to events'),
      size: z.int().min(1).max(MAX_BATCH).optional(),
    }),
  },
]);

/** The secrets that the steps name. */
export function secretsOf(steps: readonly EnrichStep[]): readonly string[] {
  return [...new Set(steps.flatMap((step) => ('hash' in step ? [step.hash.secret] : [])))];
}

/** The columns that a lookup takes, each with the name that its value gets. */
export function namesTaken({
  take,
  prefix = '',
}: {
  readonly take: LookupOptions['take'];
  readonly prefix?: string | undefined;
}): [column: string, name: string][] {
  const columns = isList(take) ? take.map((column): [string, string] => [column, column]) : Object.entries(take);
  return columns.map(([column, name]) => [column, `${prefix}${name}`]);
}

function isList(take: LookupOptions['take']): take is readonly string[] {
  return Array.isArray(take);
}

/** The reference files that the steps name. */
export function lookupFilesOf(steps: readonly EnrichStep[]): readonly string[] {
  return [...new Set(steps.flatMap((step) => ('lookup' in step ? [step.lookup.file] : [])))];
}
