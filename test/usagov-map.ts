/** The click stream's map as a function: what the declarative one of the example must give too. */
import { createHash } from 'node:crypto';
import type { AmplitudeEvent } from '../shared/amplitude-event.ts';

/** As bitly recorded it; every field may be missing. */
export type Click = {
  readonly _heartbeat_?: number;
  /** Time of the click, s since epoch. */
  readonly t?: number;
  /** Hash of the short link; of the long one, over all who shortened it. */
  readonly h?: string;
  readonly g?: string;
  /** Long URL, referrer, user agent, host of the short link, who made the link and when (s). */
  readonly u?: string;
  readonly r?: string;
  readonly a?: string;
  readonly hh?: string;
  readonly l?: string;
  readonly hc?: number;
  /** Country (ISO 3166), region, city, [latitude, longitude], time zone, accept-language. */
  readonly c?: string | null;
  readonly gr?: string;
  readonly cy?: string;
  readonly ll?: readonly [number, number];
  readonly tz?: string;
  readonly al?: string;
  /** 1 when bitly knew the visitor. */
  readonly nk?: number;
};

export function mapClick(click: Click): AmplitudeEvent | null {
  if (click._heartbeat_ !== undefined) return null;
  const [latitude, longitude] = click.ll ?? [];
  return {
    event_type: 'Link Clicked',
    device_id: visitor(click),
    time: click.t === undefined ? undefined : click.t * 1000,
    country: click.c ?? undefined,
    region: click.gr,
    city: click.cy,
    location_lat: latitude,
    location_lng: longitude,
    language: click.al?.split(',')[0],
    user_agent: click.a,
    $skip_user_properties_sync: true,
    event_properties: {
      link: click.h,
      global_link: click.g,
      url: click.u,
      referrer: click.r,
      host: click.hh,
      link_owner: click.l,
      link_created: click.hc === undefined ? undefined : new Date(click.hc * 1000).toISOString(),
      known_visitor: click.nk === 1,
      time_zone: click.tz,
    },
  };
}

/** The stream names no visitor: the same browser in the same place is taken for one. */
function visitor({ a, c, gr, cy, ll }: Click): string {
  return createHash('sha256')
    .update(JSON.stringify([a, c, gr, cy, ll]))
    .digest('hex')
    .slice(0, 16);
}
