/** One declarative map for the same events in every format; only what a format needs to be told is its own. */
import { defineImporter, type ImporterInput } from '../shared/config.ts';

type SourceInput = ImporterInput['sources'][number];

const types = { time: 'number', session_id: 'number', event_properties: 'json' } as const;

/** Each is a source, and what `write-inputs.ts` can write. */
const FORMATS = {
  ndjson: 'ndjson',
  gzip: 'ndjson',
  zstd: 'ndjson',
  'json-array': 'json-array',
  csv: { type: 'csv', types },
  tsv: { type: 'tsv', types },
  parquet: 'parquet',
  zip: 'zip',
} satisfies Readonly<Record<string, SourceInput['format']>>;

export type Input = keyof typeof FORMATS;

const map: SourceInput['map'] = {
  event_type: 'event_type',
  user_id: 'user_id',
  device_id: 'device_id',
  time: 'time',
  session_id: 'session_id',
  insert_id: 'event_properties.request_id',
  platform: 'platform',
  os_name: 'os_name',
  os_version: 'os_version',
  device_model: 'device_model',
  app_version: 'app_version',
  country: 'country',
  city: 'city',
  language: 'language',
  event_properties: 'event_properties',
};

export default defineImporter({
  sources: Object.entries(FORMATS).map(([name, format]): SourceInput => {
    return { name, prefix: `${name}/`, format, map, project: { secret: 'amplitude/bench' } };
  }),
});
