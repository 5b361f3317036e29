/** Takes a user agent apart: operating system and device into the event, browser into its properties. */
import Bowser from 'bowser';
import type { JsonObject } from '../../../shared/amplitude-event.ts';
import type { UserAgentOptions } from '../../../shared/enrich-step.ts';
import { compileExpression } from '../expression.ts';
import { changing, type Step, withoutOverwriting } from './step.ts';

/** Nobody's is longer, and its patterns are not made for it. */
const MAX_LENGTH = 1_024;
/** Most events of a dump have one of a few user agents. */
const MAX_KEPT = 10_000;

/** What the event says already stays as it is. */
export function userAgentStep({ from = 'user_agent', prefix = '' }: UserAgentOptions): Step {
  const find = compileExpression(from, { field: 'userAgent.from', used: new Map() });
  const kept = new Map<string, Parsed>();
  function parse(text: string): Parsed {
    const known = kept.get(text);
    if (known) return known;
    if (kept.size >= MAX_KEPT) kept.clear();
    const parsed = parseUserAgent(text, prefix);
    kept.set(text, parsed);
    return parsed;
  }
  return changing((event, { record }) => {
    const text = find({ value: event, record });
    if (typeof text !== 'string' || text.trim() === '') return event;
    const { fields, properties } = parse(text.slice(0, MAX_LENGTH));
    return withoutOverwriting(event, fields, 'event_properties', properties);
  });
}

type Parsed = { readonly fields: JsonObject; readonly properties: JsonObject };

function parseUserAgent(text: string, prefix: string): Parsed {
  const { browser, os, platform } = Bowser.parse(text);
  return {
    fields: present({
      os_name: os.name,
      os_version: os.version,
      device_manufacturer: platform.vendor,
      device_model: platform.model,
    }),
    properties: present({
      [`${prefix}browser`]: browser.name,
      [`${prefix}browser_version`]: browser.version,
      [`${prefix}device_type`]: platform.type,
    }),
  };
}

function present(all: Readonly<Record<string, string | undefined>>): JsonObject {
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined && value !== ''));
}
