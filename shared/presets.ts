/** The presets by name: what a source's `preset` may say, and the map function it stands for. */
import * as z from 'zod';
import type { MapFunction } from './config.ts';
import { amplitudeExportSchema, openAmplitudeExport } from './presets/amplitude-export.ts';
import { ga4BigquerySchema, openGa4Bigquery } from './presets/ga4-bigquery.ts';
import { mixpanelExportSchema, openMixpanelExport } from './presets/mixpanel-export.ts';
import { openPosthogExport, posthogExportSchema } from './presets/posthog-export.ts';
import { openRudderstack, rudderstackSchema } from './presets/rudderstack.ts';
import { openSegment, segmentSchema } from './presets/segment.ts';
import { openSnowplowEnriched, snowplowEnrichedSchema } from './presets/snowplow-enriched.ts';

/** For each preset its name and options. */
export const PRESET_SCHEMAS = {
  'amplitude-export': amplitudeExportSchema,
  segment: segmentSchema,
  'mixpanel-export': mixpanelExportSchema,
  'ga4-bigquery': ga4BigquerySchema,
  'posthog-export': posthogExportSchema,
  rudderstack: rudderstackSchema,
  'snowplow-enriched': snowplowEnrichedSchema,
} as const;

export type PresetName = keyof typeof PRESET_SCHEMAS;
type PresetSchema = (typeof PRESET_SCHEMAS)[PresetName];

/** What a user writes: a name alone, or a name with options. */
export type PresetInput = PresetName | z.input<PresetSchema>;
/** The same with every default filled in. */
export type Preset = z.output<PresetSchema>;

const NAMES = Object.keys(PRESET_SCHEMAS) as PresetName[];

/** Reports the problems of the one preset that is named, where a union would report those of all. */
export const presetSchema = z
  .custom<PresetInput>(
    (value) => typeof value === 'string' || (typeof value === 'object' && value !== null),
    'the name of a preset, or { name, …options }',
  )
  .transform((input, { issues }): Preset => {
    const name = typeof input === 'string' ? input : input.name;
    if (!isPresetName(name)) {
      const path = typeof input === 'string' ? [] : ['name'];
      const message = `one of ${NAMES.map((known) => `"${known}"`).join(', ')}`;
      issues.push({ code: 'custom', path, message, input: name });
      return z.NEVER;
    }
    const schema: PresetSchema = PRESET_SCHEMAS[name];
    const result = schema.safeParse(typeof input === 'string' ? { name } : input);
    if (result.success) return result.data;
    issues.push(...result.error.issues.flatMap((issue) => describeIssue(issue, name)));
    return z.NEVER;
  });

/** A setting that does not exist is reported at its own path, with those that do. */
function describeIssue(issue: z.core.$ZodIssue, name: PresetName): z.core.$ZodRawIssue[] {
  if (issue.code !== 'unrecognized_keys') return [{ ...issue } as z.core.$ZodRawIssue];
  const known = Object.keys(PRESET_SCHEMAS[name].shape).filter((key) => key !== 'name');
  const message = `no such option; ${name} has ${known.join(', ')}`;
  return issue.keys.map((key) => ({ code: 'custom', path: [...issue.path, key], message, input: undefined }));
}

function isPresetName(name: unknown): name is PresetName {
  return typeof name === 'string' && Object.hasOwn(PRESET_SCHEMAS, name);
}

/** The map function of a preset. Opened once for a source: it may remember what does not change the events it makes. */
export function openPreset(preset: Preset): MapFunction {
  switch (preset.name) {
    case 'amplitude-export':
      return openAmplitudeExport(preset);
    case 'segment':
      return openSegment(preset);
    case 'mixpanel-export':
      return openMixpanelExport(preset);
    case 'ga4-bigquery':
      return openGa4Bigquery(preset);
    case 'posthog-export':
      return openPosthogExport(preset);
    case 'rudderstack':
      return openRudderstack(preset);
    case 'snowplow-enriched':
      return openSnowplowEnriched(preset);
  }
}
