/** JSON without rounding: integers beyond 2^53 are bigint, numbers beyond 1e308 objects that are written as they stood. */
import type { Json } from './amplitude-event.ts';

/** Writes a number as it stood, and knows such a number (ECMAScript's JSON.rawJSON; TypeScript's library lacks it). */
export const { rawJSON, isRawJSON } = JSON as unknown as {
  rawJSON(text: string): object;
  isRawJSON(value: unknown): boolean;
};

/**
 * A number that may be beyond 2^53 or 1e308: where a number may begin, sixteen digits from 9 on or seventeen, or an exponent of
 * three digits. Runs of digits elsewhere, as in ids and hashes, are most of those that there are.
 */
const INEXACT = /(?:^|[:,[\s])-?(?:\d{17}|9\d{15}|\d+(?:\.\d+)?[eE]\+?\d{3})/;

/** The same of a JSON text as bytes: whether parseExactly may give something else than JSON.parse. Strings are gone over. */
export function mayBeInexact(text: Uint8Array): boolean {
  let digits = 0;
  for (let i = 0; i < text.length; i += 1) {
    const byte = text[i] ?? 0;
    if (byte >= 0x30 && byte <= 0x39) {
      digits += 1;
      if (digits === 16) return true;
      continue;
    }
    if (digits > 0 && (byte | 0x20) === 0x65 && hasLongExponent(text, i + 1)) return true;
    digits = 0;
    if (byte !== 0x22) continue;
    for (i += 1; i < text.length && text[i] !== 0x22; i += 1) if (text[i] === 0x5c) i += 1;
  }
  return false;
}

function hasLongExponent(text: Uint8Array, from: number): boolean {
  const first = text[from] === 0x2b ? from + 1 : from;
  for (let i = first; i < first + 3; i += 1) {
    const byte = text[i] ?? 0;
    if (byte < 0x30 || byte > 0x39) return false;
  }
  return true;
}

/**
 * Numbers beyond 1e308 become an object that is written as it stood. Only a text with such a number pays for it, about
 * five times as much. Throws a SyntaxError.
 */
export function parseExactly(text: string): Json {
  if (!INEXACT.test(text)) return JSON.parse(text) as Json;
  return JSON.parse(text, (_key, value: unknown, context?: { readonly source?: string }) => {
    if (typeof value !== 'number' || context?.source === undefined) return value;
    if (!Number.isFinite(value)) return rawJSON(context.source);
    const isInexact = Number.isInteger(value) && !Number.isSafeInteger(value) && /^-?\d+$/.test(context.source);
    return isInexact ? BigInt(context.source) : value;
  }) as Json;
}

/** A replacer is five times slower, and only a bigint needs one. */
export function stringifyExactly(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    return JSON.stringify(value, (_key, inner: unknown) =>
      typeof inner === 'bigint' ? rawJSON(String(inner)) : inner,
    );
  }
}
