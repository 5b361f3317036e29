/** The configuration: what a user writes in importer.config.ts, every setting with its range and default, and its check. */
import * as z from 'zod';
import { EVENTS_PER_REQUEST } from './amplitude-limits.ts';
import type { AmplitudeEvent, JsonObject } from './amplitude-event.ts';
import { type Condition, conditionSchema } from './condition.ts';
import { describeConfigIssues, problemsError } from './config-issues.ts';
import { compileConverter, ConverterConfigError, type FileType } from './converter.ts';
import { formatOfConverter } from './converter-format.ts';
import { enrichStepSchema } from './enrich-step.ts';
import { expectationSchema } from './expectation.ts';
import { type FieldMap, fieldMapSchema } from './field-map.ts';
import { FORMAT_OPTIONS, formatSchema } from './format-settings.ts';
import { compileGlob } from './glob.ts';
import { oneOf } from './one-of.ts';
import { presetSchema } from './presets.ts';
import { checkRoute, projectEventsPerSecond, projectSchema, routeSchema } from './route-settings.ts';
import { describeRival, takesKey } from './taken-keys.ts';

/** Where a record stood. */
export type RecordPosition = {
  /** The dump's key, or a local file's path. */
  readonly dump: string;
  /** 1-based; in NDJSON the line number, otherwise which row or element it is. */
  readonly position: number;
};

/**
 * From one record to the event or events it becomes, or null to leave it out. Throwing, or returning an event that
 * Amplitude would refuse, makes a reject. Integers beyond 2^53 arrive as bigint, and leave as they came.
 * It must be a pure function: the same record must always make the same events, or a crash would make others.
 * Declared as a method so that a map may name the shape of its own records: `map(click: Click) { … }`.
 */
type Methods = {
  /** `events` are those that the source's preset or converter made of the record, if it has one. */
  map(
    record: JsonObject,
    at: RecordPosition,
    events: readonly AmplitudeEvent[],
  ): AmplitudeEvent | readonly AmplitudeEvent[] | null | undefined;
  /** Whether the record is kept. */
  filter(record: JsonObject, at: RecordPosition): boolean;
};
export type MapFunction = Methods['map'];
export type FilterFunction = Methods['filter'];

/** More than a year, so that last year's file of the same day is recognised too. */
export const DEFAULT_LEDGER_DAYS = 400;

const capsSchema = z.strictObject({
  /** Events in one chunk, and so in one request. Amplitude takes 2,000 (413 beyond). */
  eventsPerChunk: z.int().min(1).max(EVENTS_PER_REQUEST).default(EVENTS_PER_REQUEST),
  /**
   * Bytes of JSON in one chunk. Amplitude takes 20 MB, but 32 lanes are filled at a time, and compressed and in base64
   * a chunk must fit SQS's 1 MiB: 3 MB keeps memory low and is reached only by events of more than 1.5 kB.
   */
  chunkBytes: z.int().min(10_000).max(19_000_000).default(3_000_000),
  /** Bytes of one record; a longer one is rejected. No event beyond Amplitude's 20 MB can ever be sent. */
  recordBytes: z.int().min(1_000).max(20_000_000).default(20_000_000),
});

const isFunction = (value: unknown): boolean => typeof value === 'function';

const mapSchema = oneOf<MapFunction | FieldMap>(
  'a function from record to event, or an object with an expression for each field',
  [
    { when: isFunction, schema: z.custom<MapFunction>() },
    { when: (value) => typeof value === 'object' && value !== null, schema: fieldMapSchema },
  ],
);

const converterJsonSchema = z.record(z.string(), z.unknown()).check(({ value, issues }) => {
  try {
    compileConverter(value);
  } catch (error) {
    if (!(error instanceof ConverterConfigError)) throw error;
    const message = `a converter that can be used:\n${error.problems.map((line) => `    ${line}`).join('\n')}`;
    issues.push({ code: 'custom', path: [], message, input: 'one that cannot' });
  }
});

const converterPathSchema = z
  .string()
  .min(1)
  .refine((file) => !/^[a-z0-9]+:/i.test(file), 'a path relative to the configuration file');

const converterSchema = oneOf<string | Readonly<Record<string, unknown>>>(
  'the path of a converter file, or what stands in it',
  [
    { when: (value) => typeof value === 'string', schema: converterPathSchema },
    { when: (value) => typeof value === 'object' && value !== null, schema: converterJsonSchema },
  ],
);

const filterSchema = oneOf<FilterFunction | Condition>('a function from record to true or false, or a condition', [
  { when: isFunction, schema: z.custom<FilterFunction>() },
  { when: () => true, schema: conditionSchema },
]);

const sourceSchema = z.strictObject({
  /** In receipts, logs and chunks. */
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'lower-case letters, digits and dashes, at most 40'),
  /** Dumps whose key begins so are this source's; the longest prefix wins. */
  prefix: z.string().max(900).default(''),
  /** Of these the ones whose key goes on like this (a glob, see glob.ts); a converter's own pattern takes the whole key. */
  pattern: z
    .string()
    .refine((glob) => glob !== '' && compileGlob(glob) !== undefined, 'a pattern such as **/*.{csv,csv.gz}')
    .optional(),
  /** What its dumps are; without it that follows from their content, and from their name where the content may be several. */
  format: formatSchema.optional(),
  /** Which records are taken, by what stands in them; looked at before anything is made of them. */
  filter: filterSchema.optional(),
  /** What makes events of the dumps of another platform. A map beside it has the last word. */
  preset: presetSchema.optional(),
  /** The same by a converter file of Amplitude's own S3 import: its path (see config-files.ts), or what stands in it. */
  convert: converterSchema.optional(),
  /** A function, or an expression for each field. Without map and enrich a record already is an Amplitude event and is sent as it stands. */
  map: mapSchema.optional(),
  /** Steps that each event then goes through, in order. */
  enrich: z.array(enrichStepSchema).optional(),
  /** Where its events go, unless a route says so. */
  project: projectSchema.optional(),
  /** Sends each event to one of several projects, by what stands in it. */
  route: routeSchema.optional(),
  /** The Batch API is the one for dumps; HTTP V2 takes 1/30 of the rate per device, and 1 MB a request. */
  api: z.enum(['batch', 'http-v2']).default('batch'),
  /** What each of its projects may send over all its lanes, events/s (a Starter plan: 1,000); without it as much as it can. */
  projectEventsPerSecond,
  /**
   * Whose events stay in order: those of one device (Amplitude itself processes a device's events in order), or those of
   * one user over all devices. Events without the one are ordered by the other.
   */
  lane: z.enum(['device', 'user']).default('device'),
  /**
   * What the insert_id of a record without one is made from. `content`, its bytes: the same line in another file is the
   * same event, and two identical lines are one. `position`, the dump's key and where the record stands in it: identical
   * lines all count, and the same records under another key would count twice.
   */
  insertId: z.enum(['content', 'position']).default('content'),
  /** Amplitude refuses shorter user and device ids; sent along as `options.min_id_length` when it is set. */
  minIdLength: z.int().min(1).max(100).optional(),
  /**
   * Dumps one after the other, the smallest key first, so that a device's events stay in order across dumps too: the
   * next one begins when nothing of the one before is in flight.
   */
  inOrder: z.boolean().default(false),
  /** A file comes every day and is completely in by a time; where it is not, an alarm rings. */
  expect: expectationSchema.optional(),
  caps: capsSchema.prefault({}),
});

/** The whole of it; README's table of settings is tested against it. */
export const importerSchema = z
  .strictObject({
    sources: z.array(sourceSchema).min(1),
    /** Name of a bucket that exists already and sends its notifications to EventBridge; without it the stack makes one. */
    existingBucket: z.string().min(3).max(63).optional(),
    /** Records between two checkpoints: a crash repeats at most so much work. */
    segmentRecords: z.int().min(1).max(1_000_000).default(250_000),
    /**
     * A dump of at least twice this size is read in parts of it, bytes, where its format allows that: large enough that the
     * chunks that are not full at a part's end do not count.
     */
    partBytes: z
      .int()
      .min(1)
      .max(1_000_000_000_000)
      .default(512 * 1024 * 1024),
    /** Dumps, or parts of one, that are read at a time. With the uploaders this may be more than a small account has. */
    chunkers: z.int().min(2).max(1_000).default(2),
    /** Queue lanes; events of one device share a lane, and a lane has one chunk in flight. 2-4 times `uploaders`. */
    lanes: z.int().min(1).max(256).default(32),
    /** Uploads at a time. AWS reserves nothing, so that the default works in an account with 10 concurrent executions. */
    uploaders: z.int().min(2).max(1_000).default(8),
    /** `gzip` falls back to `identity` by itself where the endpoint refuses it. */
    uploads: z.enum(['gzip', 'identity']).default('gzip'),
    /** An upload that has no answer after so long is tried again later, ms. */
    requestTimeoutMs: z.int().min(1_000).max(120_000).default(60_000),
    /**
     * How long the ledger remembers a dump, days: until then the same object dropped again is recognised. More than
     * the 28 days that a chunk can spend on a queue and on its dead letters.
     */
    ledgerDays: z.int().min(30).max(3_650).default(DEFAULT_LEDGER_DAYS),
    /** How often a chunk is tried before it is dead; with the back-off 50 is about 4 hours. SQS counts receives to 1,000. */
    maxTries: z.int().min(1).max(90).default(50),
  })
  .check(({ value, issues }) => {
    value.sources.forEach(({ map, preset, convert, format }, i) => {
      const ofConverter = formatOfConverter(format, fileTypeOf(convert));
      if ('problem' in ofConverter) {
        issues.push({ code: 'custom', path: ['sources', i, 'format'], message: ofConverter.problem, input: format });
      }
      if (preset && convert) {
        const message = 'either a preset or a converter';
        issues.push({ code: 'custom', path: ['sources', i, 'convert'], message, input: 'both' });
      }
      const isWhole = map === undefined || typeof map === 'function' || map.event_type !== undefined;
      if (isWhole || preset || convert) return;
      const message = "an expression, such as { value: 'Visit' }";
      issues.push({ code: 'custom', path: ['sources', i, 'map', 'event_type'], message, input: undefined });
    });
    value.sources.forEach((source, i) => {
      for (const { path, message } of checkRoute(source)) {
        issues.push({ code: 'custom', path: ['sources', i, ...path], message, input: undefined });
      }
      const before = value.sources.slice(0, i);
      if (before.some(({ name }) => name === source.name)) {
        const message = 'another source has the same name; each needs its own';
        issues.push({ code: 'custom', path: ['sources', i, 'name'], message, input: source.name });
      }
      const rival = describeRival(before, source);
      if (rival !== undefined) {
        issues.push({ code: 'custom', path: ['sources', i, 'prefix'], message: rival, input: source.prefix });
      }
    });
  });

/** What a user writes. */
export type ImporterInput = z.input<typeof importerSchema>;
/** The same with every default filled in. */
export type Importer = z.output<typeof importerSchema>;
export type Source = Importer['sources'][number];
export type Project = NonNullable<Source['project']>;

/** Checks a configuration and fills in the defaults; throws a ConfigError that names all problems at once. */
export function defineImporter(input: ImporterInput): Importer {
  const result = importerSchema.safeParse(input);
  if (result.success) return { ...result.data, sources: result.data.sources.map(withConverterFormat) };
  throw problemsError(describeConfigIssues(result.error.issues, input, knownNames));
}

/** Where the source says no format its converter may, if it is there already. */
function withConverterFormat(source: Source): Source {
  const found = formatOfConverter(source.format, fileTypeOf(source.convert));
  return 'format' in found && found.format ? { ...source, format: found.format } : source;
}

/** Undefined too of a converter that cannot be used, which is said elsewhere. */
function fileTypeOf(convert: Source['convert']): FileType | undefined {
  if (convert === undefined || typeof convert === 'string') return undefined;
  try {
    return compileConverter(convert).fileType;
  } catch {
    return undefined;
  }
}

/** The settings of the object at a path such as `sources[0].caps`. */
function knownNames(path: readonly PropertyKey[]): readonly string[] {
  const of = {
    sources: sourceSchema,
    project: projectSchema,
    route: routeSchema,
    expect: expectationSchema,
    caps: capsSchema,
  };
  const schemas: Record<string, z.ZodObject> = { ...of, projects: routeSchema.shape.projects.valueType };
  const isRouted = path.at(-2) === 'projects';
  const last = isRouted ? 'projects' : path.findLast((part) => typeof part === 'string');
  if (last === 'format') return FORMAT_OPTIONS;
  return Object.keys((typeof last === 'string' ? schemas[last] : importerSchema)?.shape ?? {});
}

/** The source that takes a key: of those whose prefix and pattern it has the one with the longest prefix, then the first. */
export function sourceOf(importer: Importer, key: string): Source | undefined {
  const matching = importer.sources.filter((source) => takesKey(source, key));
  return matching.toSorted((a, b) => b.prefix.length - a.prefix.length)[0];
}
