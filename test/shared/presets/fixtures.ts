/** The presets' fixtures, written from the tools' public schemas: a file of records, and beside it what becomes of each. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject } from '../../../shared/amplitude-event.ts';
import { openPreset, type PresetInput, presetSchema } from '../../../shared/presets.ts';
import { SNOWPLOW_COLUMNS } from '../../../shared/presets/snowplow-columns.ts';

const FOLDER = join(import.meta.dirname, '../../fixtures/presets');

/** Each file of records with the preset it is for. */
export const FIXTURES: readonly (readonly [file: string, preset: PresetInput])[] = [
  ['amplitude-export.ndjson', 'amplitude-export'],
  ['segment.ndjson', 'segment'],
  [
    'segment-per-product.ndjson',
    { name: 'segment', orderRevenue: 'product', pageEvent: false, identify: 'filter', skipUserPropertiesSync: false },
  ],
  ['rudderstack.ndjson', 'rudderstack'],
  ['mixpanel-export.ndjson', 'mixpanel-export'],
  ['mixpanel-export-legacy.ndjson', { name: 'mixpanel-export', projectTimezone: 'America/Los_Angeles' }],
  ['ga4-bigquery.ndjson', 'ga4-bigquery'],
  ['posthog-export.ndjson', 'posthog-export'],
  ['snowplow-enriched.tsv', 'snowplow-enriched'],
  ['snowplow-enriched.ndjson', 'snowplow-enriched'],
];

/** What became of a record: its events, that it was filtered, or why it was refused. */
export type Outcome = readonly object[] | 'filtered' | { readonly refused: string };

export function readRecords(file: string): JsonObject[] {
  const lines = readLines(file);
  if (!file.endsWith('.tsv')) return lines.map((line) => parseExactly(line) as JsonObject);
  return lines.map((line) => {
    const cells = line.split('\t');
    return Object.fromEntries(SNOWPLOW_COLUMNS.map((column, i) => [column, cells[i]]));
  });
}

/** `segment.ndjson` has its outcomes in `segment.ndjson.expected`, a line each. */
export function readExpected(file: string): Outcome[] {
  return readLines(`${file}.expected`).map((line) => parseExactly(line) as Outcome);
}

export function outcomesOf(records: readonly JsonObject[], preset: PresetInput): Outcome[] {
  const map = openPreset(presetSchema.parse(preset));
  return records.map((record, i) => {
    try {
      const made = map(record, { dump: 'day.ndjson', position: i + 1 }, []) ?? [];
      const events = [made].flat();
      return events.length === 0 ? 'filtered' : events;
    } catch (error) {
      if (error instanceof Error && error.constructor === Error) return { refused: error.message };
      throw error;
    }
  });
}

function readLines(file: string): string[] {
  return readFileSync(join(FOLDER, file), 'utf8').split('\n').slice(0, -1);
}

/** Integers beyond 2^53 as bigint: so records reach a map function. */
function parseExactly(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown, context?: { readonly source?: string }) =>
    Number.isInteger(value) && !Number.isSafeInteger(value) ? BigInt(context?.source ?? '') : value,
  );
}
