/** Reads the fields of another tool's record: the value in the type Amplitude wants, or nothing when it is not there or not of that type. */
import type { Json, JsonObject } from '../amplitude-event.ts';

/** Text that is not empty; numbers become text, for ids that a tool writes as numbers. */
export function textOf(value: Json | undefined): string | undefined {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A number, or text that is one (CSV and BigQuery write numbers so). */
export function numberOf(value: Json | undefined): number | undefined {
  const isNumeric = typeof value === 'string' && /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(value);
  const number = isNumeric || typeof value === 'bigint' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

/** A whole number, or text that is one. */
export function wholeOf(value: Json | undefined): number | undefined {
  const number = numberOf(value);
  return Number.isInteger(number) ? number : undefined;
}

export function objectOf(value: Json | undefined): JsonObject | undefined {
  return isJsonObject(value) ? value : undefined;
}

/** The objects of a list; whatever else stands in it is left out. */
export function objectsOf(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

/** An object, or JSON text of one (as columns of Parquet and CSV hold it); anything else that is there is an Error. */
export function parsedObjectOf(value: Json | undefined, field: string): JsonObject | undefined {
  if (value === null || value === undefined || value === '') return undefined;
  const parsed = typeof value === 'string' ? parseJson(value, field) : value;
  if (parsed === null) return undefined;
  if (!isJsonObject(parsed)) throw new Error(`${field} is ${show(parsed)}; expected an object, or JSON text of one`);
  return parsed;
}

/** The fields that are there: neither undefined nor null. */
export function present(fields: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null));
}

/** The fields whose name passes. */
export function pickFields(fields: JsonObject, isWanted: (name: string) => boolean): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => isWanted(name)));
}

/** Undefined instead of an object without fields, which would only take room in an event. */
export function unlessEmpty(fields: JsonObject): JsonObject | undefined {
  return Object.keys(fields).length === 0 ? undefined : fields;
}

/** For a message: short, and safe for every value. */
export function show(value: Json | undefined): string {
  if (value === undefined || value === null) return 'missing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** Integers beyond 2^53 become bigint, as everywhere in a record. */
function parseJson(text: string, field: string): Json {
  try {
    if (!/\d{16}/.test(text)) return JSON.parse(text) as Json;
    return JSON.parse(text, (_key, value: unknown, context?: { readonly source?: string }) => {
      const isInexact = typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value);
      return isInexact && /^-?\d+$/.test(context?.source ?? '') ? BigInt(context?.source ?? '') : value;
    }) as Json;
  } catch {
    throw new Error(`${field} is ${show(text)}; expected an object, or JSON text of one`);
  }
}

function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
