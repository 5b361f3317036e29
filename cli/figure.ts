/** A figure of a plan: what it is, how sure it is, and the arithmetic that gave it. */

export type Figure = {
  readonly value: number;
  readonly unit: 'records' | 'events' | 'users' | 'devices' | 'chunks' | 'bytes' | 'seconds' | 'USD';
  /** It may be off: extrapolated, counted by a sketch, or reckoned from what was measured elsewhere. */
  readonly isEstimate: boolean;
  /** The formula with the numbers put in. */
  readonly arithmetic: string;
};

/** 1,234.5: whole from a hundred on, below that with three digits. */
export function n(value: number): string {
  const digits = Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : 3;
  return value.toLocaleString('en-US', digits === 0 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 });
}

/** `1 chunk`, `2 chunks`. */
export function count(value: number, what: string): string {
  return `${n(value)} ${what}${value === 1 ? '' : 's'}`;
}

/** As a person says it: `42 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${n(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  const hours = Math.round(seconds / 3_600);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Three digits of what is less than a hundred dollars. */
export function dollars(usd: number): string {
  if (usd >= 100) return `$${n(usd)}`;
  return usd === 0 ? '$0' : `$${Number(usd.toPrecision(3)).toLocaleString('en-US', { maximumFractionDigits: 12 })}`;
}
