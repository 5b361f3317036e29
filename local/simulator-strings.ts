/** Cuts the strings of an event to the length that Amplitude keeps. */
import { MAX_STRING_LENGTH } from '../shared/amplitude-event.ts';

/** The value itself when nothing in it is too long. */
export function cutStrings(value: unknown): unknown {
  if (typeof value === 'string') return value.length > MAX_STRING_LENGTH ? value.slice(0, MAX_STRING_LENGTH) : value;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, inner, cutStrings(inner)] as const);
  if (entries.every(([, inner, cut]) => inner === cut)) return value;
  if (Array.isArray(value)) return entries.map(([, , cut]) => cut);
  return Object.fromEntries(entries.map(([key, , cut]) => [key, cut]));
}
