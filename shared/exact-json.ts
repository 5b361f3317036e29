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
