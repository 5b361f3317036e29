/** The example day: a shop's events as its apps sent them, completed with what is only known when the day is over. */
import { defineImporter } from '../shared/config.ts';

/** What a record has, as far as it matters here; the rest of it stays as it is. */
type ShopEvent = {
  readonly event_type: string;
  readonly user_id?: string;
  readonly country?: string;
  readonly event_properties?: Properties;
};
type Properties = { readonly order_id?: string; readonly market?: string; readonly returned?: boolean };

/** Orders that came back before the day was over. */
const RETURNED = new Set(['order-1007', 'order-1042', 'order-1160']);

const MARKETS = new Map([
  ['Germany', 'DACH'],
  ['Austria', 'DACH'],
  ['Switzerland', 'DACH'],
  ['United States', 'Americas'],
  ['Brazil', 'Americas'],
]);

export default defineImporter({
  sources: [
    {
      name: 'example-shop',
      project: { secret: 'amplitude/example-shop', region: 'us' },
      map(event: ShopEvent) {
        if (String(event.user_id).startsWith('qa-')) return null; // our own tests
        return {
          ...event,
          event_properties: withOutcome(event),
          $skip_user_properties_sync: true, // history must not change what Amplitude knows of the user now
        };
      },
    },
  ],
});

/** A record may hold anything: what is no object stays as it is, and the check that follows says so and rejects it. */
function withOutcome({ event_properties: properties, country }: ShopEvent): Properties | undefined {
  if (typeof (properties ?? {}) !== 'object' || Array.isArray(properties)) return properties;
  return {
    ...properties,
    market: MARKETS.get(String(country)) ?? 'Rest of world',
    ...(RETURNED.has(String(properties?.order_id)) && { returned: true }),
  };
}
