/** The public 1.usa.gov click stream (bitly, one JSON object a line) without a function: clicks become events with the names of their countries, heartbeats are left out. */
import { defineImporter } from '../shared/config.ts';

export default defineImporter({
  sources: [
    {
      name: 'usagov-clicks',
      prefix: 'usagov/',
      project: { secret: 'amplitude/usagov', region: 'us' },
      filter: { path: '_heartbeat_', exists: false },
      map: {
        event_type: { value: 'Link Clicked' },
        // The stream names no visitor: the same browser in the same place is taken for one.
        device_id: { digest: ['a', 'c', 'gr', 'cy', 'll'], length: 16 },
        time: { time: 't', unit: 's' },
        country: 'c',
        region: 'gr',
        city: 'cy',
        location_lat: 'll.0',
        location_lng: 'll.1',
        language: { match: 'al', pattern: '^[^,]*' },
        user_agent: 'a',
        $skip_user_properties_sync: { value: true },
        event_properties: {
          fields: {
            link: 'h',
            global_link: 'g',
            url: 'u',
            referrer: 'r',
            host: 'hh',
            link_owner: 'l',
            link_created: { time: 'hc', unit: 's', to: 'iso' },
            known_visitor: { boolean: 'nk', default: false },
            time_zone: 'tz',
          },
        },
      },
      // A code that the list does not have (A1 for a proxy, EU) stays.
      enrich: [
        {
          lookup: { file: './countries.csv', key: 'country', column: 'code', take: { name: 'country' }, into: 'event' },
        },
      ],
    },
  ],
});
