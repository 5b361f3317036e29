/** The configuration: what a user writes in importer.config.ts, every setting with its range and default, and its check. */
import * as z from 'zod';
import { EVENTS_PER_REQUEST } from './amplitude-limits.ts';
import type { AmplitudeEvent, JsonObject } from './amplitude-event.ts';
import { describeConfigIssues } from './config-issues.ts';
import { FORMAT_OPTIONS, formatSchema } from './format-settings.ts';

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
type MapMethod = {
  map(record: JsonObject, at: RecordPosition): AmplitudeEvent | readonly AmplitudeEvent[] | null | undefined;
};
export type MapFunction = MapMethod['map'];

/** More than a year, so that last year's file of the same day is recognised too. */
export const DEFAULT_LEDGER_DAYS = 400;

const projectSchema = z.strictObject({
  /** Name or ARN of the Secrets Manager secret that holds the API key, as it is or as JSON `{"apiKey": "…"}`. */
  secret: z.string().min(1),
  /** Amplitude's data centre. */
  region: z.enum(['us', 'eu']).default('us'),
});

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

const sourceSchema = z.strictObject({
  /** In receipts, logs and chunks. */
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'lower-case letters, digits and dashes, at most 40'),
  /** Dumps whose key begins so are this source's; the longest prefix wins. */
  prefix: z.string().max(900).default(''),
  /** What its dumps are; without it that follows from their content, and from their name where the content may be several. */
  format: formatSchema.optional(),
  /** Without it a record already is an Amplitude event and is sent as it stands. */
  map: z.custom<MapFunction>((value) => typeof value === 'function', 'a function from record to event').optional(),
  project: projectSchema,
  /** The Batch API is the one for dumps; HTTP V2 takes 1/30 of the rate per device, and 1 MB a request. */
  api: z.enum(['batch', 'http-v2']).default('batch'),
  /** What the project may send over all uploaders, events/s (a Starter plan: 1,000); without it as much as it can. */
  projectEventsPerSecond: z.int().min(10).max(1_000_000).optional(),
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
    for (const field of ['name', 'prefix'] as const) {
      const seen = new Set<string>();
      value.sources.forEach((source, i) => {
        if (seen.has(source[field])) {
          const message = `another source has the same ${field}; each needs its own`;
          issues.push({ code: 'custom', path: ['sources', i, field], message, input: source[field] });
        }
        seen.add(source[field]);
      });
    }
  });

/** What a user writes. */
export type ImporterInput = z.input<typeof importerSchema>;
/** The same with every default filled in. */
export type Importer = z.output<typeof importerSchema>;
export type Source = Importer['sources'][number];
export type Project = Source['project'];

/** A configuration that cannot be used; the message lists every problem. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Checks a configuration and fills in the defaults; throws a ConfigError that names all problems at once. */
export function defineImporter(input: ImporterInput): Importer {
  const result = importerSchema.safeParse(input);
  if (result.success) return result.data;
  const problems = describeConfigIssues(result.error.issues, input, knownNames);
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  throw new ConfigError(
    `the importer's configuration has ${count}:\n${problems.map((line) => `  ${line}`).join('\n')}`,
  );
}

/** The settings of the object at a path such as `sources[0].caps`. */
function knownNames(path: readonly PropertyKey[]): readonly string[] {
  const schemas: Record<string, z.ZodObject> = { sources: sourceSchema, project: projectSchema, caps: capsSchema };
  const last = path.findLast((part) => typeof part === 'string');
  if (last === 'format') return FORMAT_OPTIONS;
  return Object.keys((typeof last === 'string' ? schemas[last] : importerSchema)?.shape ?? {});
}

/** The source whose prefix the key begins with, the longest one if there are several. */
export function sourceOf(importer: Importer, key: string): Source | undefined {
  const matching = importer.sources.filter((source) => key.startsWith(source.prefix));
  return matching.toSorted((a, b) => b.prefix.length - a.prefix.length)[0];
}
