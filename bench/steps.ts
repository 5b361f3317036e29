/** What a source may do to its records, one thing at a time: what `inputs` measures the price of. Another one is one more line. */
import type { AmplitudeEvent, JsonObject } from '../shared/amplitude-event.ts';
import type { Source } from '../shared/config.ts';
import importer from './inputs.config.ts';

const [mapped] = importer.sources;

/** As apps and browsers send it: some hundreds of different ones, each many times. */
const AGENT =
  'Mozilla/5.0 (Linux; Android 16; {device_model}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/1{app_version}.{event_properties.position} Mobile Safari/537.36';

/** Of each only the map and the steps; `pass-through` sends the records' own text. */
export const STEPS: Readonly<Record<string, Pick<Source, 'map' | 'enrich'>>> = {
  'pass-through': {},
  'map: a function': { map: mapByHand },
  'map: declarative': { map: mapped?.map },
  'function, as it is': { enrich: [(event) => event] },
  batch: { enrich: [{ batch: async (events) => events }] },
  set: { enrich: [{ set: { platform: { value: 'Web' }, event_properties: { fields: { place: 'city' } } } }] },
  drop: { enrich: [{ drop: ['language', 'event_properties.campaign.ids'] }] },
  redact: { enrich: [{ redact: { keys: ['name'], patterns: [/[\w.]+@[\w.]+/] } }] },
  hash: { enrich: [{ hash: { fields: ['user_id', 'device_id'], secret: 'bench/hash-key' } }] },
  userAgent: { enrich: [{ userAgent: { from: { template: AGENT } } }] },
  url: { enrich: [{ url: { from: 'event_properties.url', query: ['ref'] } }] },
  identify: { enrich: [{ identify: { fields: { $set: { place: 'city' } } } }] },
};

/** The same as the declarative map. */
function mapByHand(record: JsonObject): AmplitudeEvent {
  const properties = record.event_properties as JsonObject;
  return {
    event_type: record.event_type as string,
    user_id: record.user_id as string | undefined,
    device_id: record.device_id as string,
    time: record.time as number,
    session_id: record.session_id,
    insert_id: properties.request_id as string,
    platform: record.platform,
    os_name: record.os_name,
    os_version: record.os_version,
    device_model: record.device_model,
    app_version: record.app_version,
    country: record.country,
    city: record.city,
    language: record.language,
    event_properties: properties,
  };
}
