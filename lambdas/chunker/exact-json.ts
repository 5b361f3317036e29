/** JSON without loss: integers beyond 2^53 and numbers beyond 1e308 stay what they are. */

/** Writes a number as it stood (ECMAScript's JSON.rawJSON; TypeScript's library does not know it yet). */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): object };

/**
 * Integers beyond 2^53 become bigint, numbers beyond 1e308 an object that is written as it stood. Only a text with a
 * long run of digits or a large exponent can hold one, and pays for it.
 */
export function parseExactly(text: string): unknown {
  if (!/\d{16}|[eE]\+?\d{3}/.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_key, value: unknown, context?: { readonly source?: string }) => {
    if (typeof value !== 'number' || context?.source === undefined) return value;
    if (!Number.isFinite(value)) return rawJSON(context.source);
    const isInexact = Number.isInteger(value) && !Number.isSafeInteger(value) && /^-?\d+$/.test(context.source);
    return isInexact ? BigInt(context.source) : value;
  });
}

/** A replacer is five times slower, and only a bigint needs one. */
export function stringifyExactly(event: object): string {
  try {
    return JSON.stringify(event);
  } catch {
    return JSON.stringify(event, (_key, value: unknown) =>
      typeof value === 'bigint' ? rawJSON(String(value)) : value,
    );
  }
}
