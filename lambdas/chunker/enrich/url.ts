/** Takes a URL apart: host, path, campaign and other parameters become properties. */
import type { JsonObject } from '../../../shared/amplitude-event.ts';
import type { UrlOptions } from '../../../shared/enrich-step.ts';
import { compileExpression } from '../expression.ts';
import { changing, type Step, withoutOverwriting } from './step.ts';

/** Amplitude knows them by these names (https://amplitude.com/docs/data/sources/website-attribution). */
const UTM = ['utm_source', 'utm_medium', 'utm_campaign', 'utm_term', 'utm_content', 'utm_id'];

/** For a URL that is only a path. */
const NO_HOST = 'http://no-host.invalid';

/** What the event says already stays as it is, and so does an event whose URL is none. */
export function urlStep({
  from,
  prefix = 'url_',
  into = 'event_properties',
  utm = true,
  query = [],
}: UrlOptions): Step {
  const find = compileExpression(from, { field: 'url.from', used: new Map() });
  return changing((event, { record }) => {
    const text = find({ value: event, record });
    const url = typeof text === 'string' ? URL.parse(text, text.startsWith('/') ? NO_HOST : undefined) : null;
    if (!url) return event;
    const { searchParams, pathname, host, origin } = url;
    const properties: Record<string, string | null> = {
      [`${prefix}host`]: origin === NO_HOST ? null : host || null,
      [`${prefix}path`]: pathname || null,
    };
    for (const name of utm ? UTM : []) properties[name] = searchParams.get(name) || null;
    for (const name of query) properties[`${prefix}${name}`] = searchParams.get(name) || null;
    const present: JsonObject = Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== null));
    return withoutOverwriting(event, {}, into, present);
  });
}
