/** What the converter's operators ask of a JSON value: is it an object, which text, which number, is it true. */
import type { Json, JsonObject } from '../amplitude-event.ts';
import { isRawJSON } from '../exact-json.ts';

/** A record that the converter cannot make an event of: a value stands there, but it is not what an operator needs. */
export class ConversionError extends Error {
  override readonly name = 'ConversionError';
}

/** How deep two values are compared and an object is flattened; Amplitude itself refuses more than 40 levels. */
export const MAX_LEVELS = 100;

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawJSON(value);
}

/** The value as text, or undefined where it has none: lists, objects, null. */
export function asText(value: Json | undefined): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint' ? `${value}` : undefined;
}

/** True or false; null, no value and an empty text are false. Undefined where it is neither. */
export function asTruth(value: Json | undefined): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (value === null || value === undefined) return false;
  if (typeof value !== 'string') return undefined;
  const text = value.trim().toLowerCase();
  if (text === 'true') return true;
  return text === 'false' || text === '' ? false : undefined;
}

/** The number that a text spells, exactly if it is a whole number. Undefined where it spells none. */
export function numberIn(text: string): number | bigint | undefined {
  const trimmed = text.trim();
  if (/^[-+]?\d{1,400}$/.test(trimmed)) return normal(BigInt(trimmed.replace('+', '')));
  if (!/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(trimmed)) return undefined;
  const value = Number(trimmed);
  return Number.isFinite(value) ? value : undefined;
}

/** The same whole number, as a number where that is exact. */
export function normal(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Also of a number and a bigint, and whatever the order of an object's members. Undefined beyond MAX_LEVELS. */
export function areEqual(a: Json | undefined, b: Json | undefined, levels = MAX_LEVELS): boolean | undefined {
  if (a === b) return true;
  if (typeof a === 'bigint' && typeof b === 'number') return areEqual(b, a);
  if (typeof a === 'number' && typeof b === 'bigint') return Number.isInteger(a) && BigInt(a) === b;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (levels === 0) return undefined;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const entries = Object.entries(a);
  if (entries.length !== Object.keys(b).length) return false;
  for (const [key, value] of entries) {
    if (!Object.hasOwn(b, key)) return false;
    const isEqual = areEqual(value, Reflect.get(b, key) as Json | undefined, levels - 1);
    if (isEqual !== true) return isEqual;
  }
  return true;
}

/** Sets a member whatever its name: `__proto__` is an ordinary one in JSON. */
export function put(target: Record<string, Json | undefined>, key: string, value: Json | undefined): void {
  if (key !== '__proto__') target[key] = value;
  else Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}

/** Short, for a rejects file (never for a log). */
export function show(value: Json | undefined): string {
  if (value === undefined) return 'no value';
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}…` : value);
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return isObject(value) ? 'an object' : 'a number beyond 1e308';
  const text = `${value}`;
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
