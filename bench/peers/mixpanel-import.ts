/**
 * Mixpanel's importer, with its own defaults (30 workers at most, 2,000 records or 10 MB a request, gzip). Its addresses are fixed, so
 * the connection pool that it opens is given ours. `mixpanel-import.ts <dump> <endpoint> <modules>`
 */
import { createRequire } from 'node:module';

type Event = { readonly [field: string]: unknown; readonly event_properties: { readonly request_id: string } };
type Pool = new (origin: string, options: object) => object;
type Import = (credentials: object, data: string, options: object) => Promise<object>;

const [path = '', endpoint = '', modules = ''] = process.argv.slice(2);
const require = createRequire(modules);

const undici = createRequire(require.resolve('mixpanel-import'))('undici') as { Pool: Pool };
const { Pool: Original } = undici;
undici.Pool = class extends Original {
  constructor(_: string, options: object) {
    super(endpoint, options);
  }
};
const importer = require('mixpanel-import') as Import;

/** The least that makes a Mixpanel event of it: its own transformation for Amplitude's exports takes longer. */
function toMixpanel({ event_type, time, event_properties, user_id, device_id, ...others }: Event): object {
  const ids = { distinct_id: user_id ?? device_id, $insert_id: event_properties.request_id };
  return { event: event_type, properties: { ...others, ...event_properties, ...ids, time } };
}

await importer({ token: 'bench', secret: 'bench' }, path, {
  recordType: 'event',
  transformFunc: toMixpanel,
  verbose: false,
  showProgress: false,
});
process.exit();
