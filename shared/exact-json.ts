/** Parses JSON without rounding: integers beyond 2^53 become bigint. */
import type { Json } from './amplitude-event.ts';

/** Writes a number as it stood, and knows such a number (ECMAScript's JSON.rawJSON; TypeScript's library lacks it). */
const { rawJSON, isRawJSON } = JSON as unknown as {
  rawJSON(text: string): object;
  isRawJSON(value: unknown): boolean;
};

/** Of a number beyond 1e308: an object of its own kind, which JSON.stringify writes as it stood. */
export function isRawNumber(value: object): boolean {
  return isRawJSON(value);
}

/**
 * Numbers beyond 1e308 become an object that is written as it stood. Only a text with a long run of digits or a large
 * exponent can hold either, and pays for it. Throws a SyntaxError.
 */
export function parseExactly(text: string): Json {
  if (!/\d{16}|[eE]\+?\d{3}/.test(text)) return JSON.parse(text) as Json;
  return JSON.parse(text, (_key, value: unknown, context?: { readonly source?: string }) => {
    if (typeof value !== 'number' || context?.source === undefined) return value;
    if (!Number.isFinite(value)) return rawJSON(context.source);
    const isInexact = Number.isInteger(value) && !Number.isSafeInteger(value) && /^-?\d+$/.test(context.source);
    return isInexact ? BigInt(context.source) : value;
  }) as Json;
}
