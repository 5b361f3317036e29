/** What a source's `preset` may say. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { describe, expect, test } from 'vitest';
import { describeConfigIssues } from '../../shared/config-issues.ts';
import { type PresetInput, PRESET_SCHEMAS, presetSchema } from '../../shared/presets.ts';
import { FIXTURES } from './presets/fixtures.ts';
import { SNOWPLOW_COLUMNS } from '../../shared/presets/snowplow-columns.ts';

test.each(Object.keys(PRESET_SCHEMAS))('%s may be named alone or with options', (name) => {
  const alone = presetSchema.parse(name);
  expect(alone).toMatchObject({ name, skipUserPropertiesSync: true });
  expect(presetSchema.parse({ name })).toEqual(alone);
  expect(presetSchema.parse({ name, skipUserPropertiesSync: false })).toEqual({
    ...alone,
    skipUserPropertiesSync: false,
  });
  expect(presetSchema.parse(alone)).toEqual(alone);
});

const sources = z.strictObject({ sources: z.array(z.strictObject({ preset: presetSchema.optional() })) });

const NAMES =
  '"amplitude-export", "segment", "mixpanel-export", "ga4-bigquery", "posthog-export", "rudderstack", "snowplow-enriched"';

test.each<[unknown, string[]]>([
  ['segmnt', [`sources[0].preset: found "segmnt", expected one of ${NAMES}`]],
  [{ name: 'segmnt' }, [`sources[0].preset.name: found "segmnt", expected one of ${NAMES}`]],
  ['constructor', [`sources[0].preset: found "constructor", expected one of ${NAMES}`]],
  [7, ['sources[0].preset: found 7, expected the name of a preset, or { name, …options }']],
  [
    { name: 'mixpanel-export', projectTimezone: 'Mars/Olympus', timezone: 'UTC' },
    [
      'sources[0].preset.projectTimezone: found "Mars/Olympus", expected an IANA time zone such as "America/Los_Angeles"',
      'sources[0].preset.timezone: found "UTC", expected no such option; mixpanel-export has skipUserPropertiesSync, projectTimezone, userId',
    ],
  ],
  [
    { name: 'segment', identify: 'drop', pageEvent: true, skipUserPropertiesSync: 'yes' },
    [
      'sources[0].preset.skipUserPropertiesSync: found "yes", expected a boolean',
      'sources[0].preset.identify: found "drop", expected one of "send", "filter"',
      'sources[0].preset.pageEvent: found true, expected a name such as "Viewed {name}", or false',
    ],
  ],
])('%o is refused with its path, what was found and what is allowed', (preset, lines) => {
  const input = { sources: [{ preset }] };
  const result = sources.safeParse(input);
  expect(describeConfigIssues(result.error?.issues ?? [], input, () => [])).toEqual(lines);
});

test('options have the types of their preset', () => {
  const right: PresetInput = { name: 'mixpanel-export', projectTimezone: 'Europe/Berlin' };
  // @ts-expect-error groupType belongs to segment and rudderstack
  const wrong: PresetInput = { name: 'mixpanel-export', groupType: 'company' };
  expect(presetSchema.safeParse(right).success).toBe(true);
  expect(presetSchema.safeParse(wrong).success).toBe(false);
});

test('an enriched Snowplow event has 131 columns, each named once', () => {
  expect(SNOWPLOW_COLUMNS).toHaveLength(131);
  expect(new Set(SNOWPLOW_COLUMNS).size).toBe(131);
  expect([SNOWPLOW_COLUMNS[0], SNOWPLOW_COLUMNS[52], SNOWPLOW_COLUMNS[122], SNOWPLOW_COLUMNS[130]]).toEqual([
    'app_id',
    'contexts',
    'derived_contexts',
    'true_tstamp',
  ]);
});

describe('docs/presets.md', () => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/presets.md'), 'utf8');
  const sectionOf = (name: string) => text.split(/^## /m).find((section) => section.startsWith(`\`${name}\``)) ?? '';

  test.each(Object.entries(PRESET_SCHEMAS))('%s has a section with each of its options', (name, schema) => {
    for (const option of Object.keys(schema.shape).filter((key) => key !== 'name')) {
      expect(sectionOf(name)).toContain(`\`${option}\``);
    }
  });

  test.each(Object.keys(PRESET_SCHEMAS).filter((name) => name !== 'rudderstack'))('%s has its defaults', (name) => {
    for (const [option, value] of Object.entries(presetSchema.parse(name)).filter(([key]) => key !== 'name')) {
      expect(sectionOf(name)).toContain(`| \`${option}\` | \`${String(value)}\` |`);
    }
  });

  test.each(FIXTURES)('names the fixture %s', (file) => {
    expect(text).toContain(`\`${file}\``);
  });
});
