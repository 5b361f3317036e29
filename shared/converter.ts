/** Runs a converter configuration of Amplitude's own S3 and GCS imports: from its JSON to a map function. */
import { type AmplitudeEvent, EVENT_FIELDS, type Json, type JsonObject } from './amplitude-event.ts';
import type { MapFunction } from './config.ts';
import { type Compilation, compileSource, formatPath, type Path } from './converter/compile.ts';
import { isoTimeIn } from './converter/instant.ts';
import { compileJavaRegex } from './converter/java-regex.ts';
import type { Clock } from './converter/operator.ts';
import { asTruth, ConversionError, isObject, numberIn, put, show } from './converter/values.ts';

export type Converter = {
  /** Throws a ConversionError where a record cannot be converted, and gives null where the converter ignores it. */
  readonly map: MapFunction;
  readonly fileType?: FileType;
  /** As it stands in the configuration, in lower case: `gzip`, `none` … */
  readonly compressionType?: string;
  /** Takes the whole of an object's key. */
  readonly filterPattern?: RegExp;
  /** Paths of the settings that this file has and the converter makes no use of, such as those for CSV. */
  readonly unused: readonly string[];
};

const FILE_TYPES = ['json', 'csv', 'tsv', 'parquet'] as const;
export type FileType = (typeof FILE_TYPES)[number];

/** A converter configuration that cannot be used; each problem names the path and, where it has one, the operator. */
export class ConverterConfigError extends Error {
  override readonly name = 'ConverterConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    super(`the converter configuration has ${count}:\n${problems.map((line) => `  ${line}`).join('\n')}`);
    this.problems = problems;
  }
}

const USED = new Set(['fileType', 'compressionType', 'convertToAmplitudeFunc', 'ignoreEventFlag']);
const SKIP_SYNC = '$skip_user_properties_sync';

/**
 * From the parsed JSON of a converter file; also from its `converterConfig` alone. Throws a ConverterConfigError with
 * all problems. `clock` is what `ms_time_now` and `iso_time_now` read; without it a file that uses them is refused.
 */
export function compileConverter(config: unknown, { clock }: { readonly clock?: Clock } = {}): Converter {
  if (!isRecord(config)) throw new ConverterConfigError([`(top): found ${shown(config)}, expected an object`]);
  const compilation: Compilation = { problems: [], clock };
  const isWhole = Object.hasOwn(config, 'converterConfig');
  const path = isWhole ? ['converterConfig'] : [];
  const settings = isWhole ? config.converterConfig : config;
  if (!isRecord(settings)) {
    throw new ConverterConfigError([`converterConfig: found ${shown(settings)}, expected an object`]);
  }
  const fileType = readFileType(settings, path, compilation);
  const compressionType = readTextSetting(settings, 'compressionType', path, compilation)?.toLowerCase();
  const flag = readTextSetting(settings, 'ignoreEventFlag', path, compilation);
  const filterPattern = readFilterPattern(config.keyValidatorConfig, compilation);
  const map = compileMap(settings.convertToAmplitudeFunc, flag, [...path, 'convertToAmplitudeFunc'], compilation);
  if (compilation.problems.length > 0) throw new ConverterConfigError(compilation.problems);
  return {
    map,
    ...(fileType && { fileType }),
    ...(compressionType !== undefined && { compressionType }),
    ...(filterPattern && { filterPattern }),
    unused: unusedSettings(config, settings, path),
  };
}

function compileMap(rules: unknown, flag: string | undefined, path: Path, compilation: Compilation): MapFunction {
  if (rules === undefined) {
    compilation.problems.push(`${formatPath(path)}: missing; expected the rules that make an event`);
    return () => null;
  }
  const place = formatPath(path);
  const [event, flagRule] = splitOff(flag, withSkipSyncAsValue(rules));
  const read = compileSource(event, path, compilation);
  const readFlag = flagRule === undefined ? undefined : compileSource(flagRule, [...path, flag ?? ''], compilation);
  return (record, at) => {
    if (readFlag && isIgnored(readFlag(record, at), `${place}.${flag}`)) return null;
    const made = read(record, at);
    if (made === null) return null;
    const events = Array.isArray(made) ? (made as readonly Json[]) : [made];
    const kept: AmplitudeEvent[] = [];
    for (const event of events) {
      if (!isObject(event)) throw new ConversionError(`${place}: found ${show(event)}, expected an event`);
      const mark = flag !== undefined && Object.hasOwn(event, flag) ? event[flag] : undefined;
      if (!isIgnored(mark, `${place}.${flag}`)) kept.push(toEvent(event, flag));
    }
    return Array.isArray(made) ? kept : (kept[0] ?? null);
  };
}

/** The reference says to "set it to false": with or without an operator. */
function withSkipSyncAsValue(rules: unknown): unknown {
  if (!isRecord(rules) || typeof rules[SKIP_SYNC] !== 'boolean') return rules;
  return { ...rules, [SKIP_SYNC]: ['bool', rules[SKIP_SYNC]] };
}

/** The rule of the flag is asked first, so that a record is left out before anything else in it fails. */
function splitOff(flag: string | undefined, rules: unknown): [event: unknown, flagRule: unknown] {
  if (flag === undefined || !isRecord(rules) || !Object.hasOwn(rules, flag)) return [rules, undefined];
  const { [flag]: flagRule, ...event } = rules;
  return [event, flagRule];
}

function isIgnored(value: Json | undefined, place: string): boolean {
  const isTrue = asTruth(value);
  if (isTrue === undefined) throw new ConversionError(`${place}: found ${show(value)}, expected true or false`);
  return isTrue;
}

/** Without the flag, every field of the kind that the upload API asks for, and by default for history only. */
function toEvent(made: JsonObject, flag: string | undefined): AmplitudeEvent {
  const event: Record<string, Json | undefined> = {};
  for (const field of Object.keys(made)) {
    if (field !== flag) put(event, field, fitField(field, made[field]));
  }
  event[SKIP_SYNC] ??= true;
  // What is missing or of the wrong kind all the same is found by the check that every event goes through.
  return event as AmplitudeEvent;
}

/**
 * CSV files hold only text, and Amplitude's own import takes a time as text. An empty cell is no number; but an empty
 * time stays one that will be refused, because an event without a time would get that of its upload. A Parquet
 * timestamp is read as ISO 8601.
 */
function fitField(field: string, value: Json | undefined): Json | undefined {
  const kind = EVENT_FIELDS.get(field);
  if (kind === 'string') return typeof value === 'number' || typeof value === 'bigint' ? `${value}` : value;
  if (typeof value !== 'string') return value;
  if (kind === 'boolean') return /^(true|false)$/i.test(value) ? value.toLowerCase() === 'true' : value;
  if (kind !== 'integer' && kind !== 'number') return value;
  if (field === 'time') return numberIn(value) ?? isoTimeIn(value) ?? value;
  return value.trim() === '' ? undefined : (numberIn(value) ?? value);
}

function readFileType(settings: Settings, path: Path, compilation: Compilation): FileType | undefined {
  const text = readTextSetting(settings, 'fileType', path, compilation);
  const fileType = FILE_TYPES.find((type) => type === text?.toLowerCase());
  if (text !== undefined && !fileType) {
    const place = formatPath([...path, 'fileType']);
    compilation.problems.push(`${place}: found ${shown(text)}, expected one of ${FILE_TYPES.join(', ')}`);
  }
  return fileType;
}

function readTextSetting(settings: Settings, name: string, path: Path, compilation: Compilation): string | undefined {
  const value = Object.hasOwn(settings, name) ? settings[name] : undefined;
  if (typeof value === 'string') return value;
  if (value !== undefined && value !== null) {
    compilation.problems.push(`${formatPath([...path, name])}: found ${shown(value)}, expected a text`);
  }
  return undefined;
}

function readFilterPattern(settings: unknown, compilation: Compilation): RegExp | undefined {
  if (settings === undefined || settings === null) return undefined;
  if (!isRecord(settings)) {
    compilation.problems.push(`keyValidatorConfig: found ${shown(settings)}, expected an object`);
    return undefined;
  }
  const pattern = readTextSetting(settings, 'filterPattern', ['keyValidatorConfig'], compilation);
  const compiled = pattern === undefined ? undefined : compileJavaRegex(pattern, true);
  if (compiled && 'mistake' in compiled) {
    compilation.problems.push(`keyValidatorConfig.filterPattern: ${compiled.mistake}`);
    return undefined;
  }
  return compiled?.regex;
}

function unusedSettings(config: Settings, settings: Settings, path: Path): string[] {
  const inside = Object.keys(settings).filter((name) => !USED.has(name) && !(settings === config && OUTSIDE.has(name)));
  const outside = settings === config ? [] : Object.keys(config).filter((name) => !OUTSIDE.has(name));
  const validator = isRecord(config.keyValidatorConfig) ? Object.keys(config.keyValidatorConfig) : [];
  return [
    ...outside.map((name) => formatPath([name])),
    ...inside.map((name) => formatPath([...path, name])),
    ...validator.filter((name) => name !== 'filterPattern').map((name) => formatPath(['keyValidatorConfig', name])),
  ];
}

/** What stands beside the converter in a whole file; `config_name` only names it. */
const OUTSIDE = new Set(['converterConfig', 'keyValidatorConfig', 'config_name']);

type Settings = Readonly<Record<string, unknown>>;

function isRecord(value: unknown): value is Settings {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  return show(value as Json | undefined);
}
