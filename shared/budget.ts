/** The budget of a source: how many of its events may be sent on a day, and what of that is used. */

/** Kept by the ledger, an item for each source that has `eventsPerDay`. */
export type Budget = {
  /** The day in UTC, `2026-11-22`. */
  readonly day: string;
  /** Events that are counted for it, with all that the segments being read may still hold. */
  readonly used: number;
  /** Its dumps that are half read, by their ids. */
  readonly dumps: Readonly<Record<string, Account>>;
  /** Set while dumps wait for the next day: the cap, and when that day begins, ms since epoch. */
  readonly braked?: { readonly eventsPerDay: number; readonly until: number };
};

/** What of a dump is counted. */
export type Account = {
  readonly run: number;
  /** The segment that is next, or being read. */
  readonly segment: number;
  /** Events that this run made before it. */
  readonly sent: number;
  /** Events that the segment may hold; 0 as long as it has no grant. */
  readonly grant: number;
  /** Events of the dump that are counted, on any day and in any run, without this grant: made anew, they are free. */
  readonly paid: number;
  /** When it was granted, ms since epoch: it is counted for that day. */
  readonly at: number;
};

export const EMPTY_BUDGET: Budget = { day: '', used: 0, dumps: {} };

export const DAY_MS = 24 * 3_600_000;

/** `2026-11-22`, in UTC, of ms since epoch. */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** When the next day begins, ms since epoch. */
export function nextDayAt(ms: number): number {
  return (Math.floor(ms / DAY_MS) + 1) * DAY_MS;
}
