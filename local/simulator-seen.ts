/**
 * Remembers for some days which events have arrived.
 *
 * A key is 64 bits of a hash: among ten million events two different ones share a key once in 370,000 runs.
 * Keys lie in open-addressing tables of 12 bytes a slot, one for each day of receipt, so that forgetting is dropping a table.
 */

export type Seen = {
  /** Whether the key was received within the days before `now`. */
  has(low: number, high: number, now: number): boolean;
  add(low: number, high: number, now: number): void;
  size(): number;
};

const DAY_MS = 86_400_000;
const FIRST_SLOTS = 1_024;
const MAX_LOAD = 0.6;

export function createSeen(days: number): Seen {
  let tables: { readonly day: number; readonly table: Table }[] = [];
  const tableOf = (day: number): Table => {
    const found = tables.find((entry) => entry.day === day);
    if (found !== undefined) return found.table;
    const table = createTable();
    tables = [...tables.filter((entry) => entry.day >= day - days - 1), { day, table }];
    return table;
  };
  return {
    has(low, high, now) {
      for (const { table } of tables) {
        const receivedAt = table.get(low, high);
        if (receivedAt !== undefined && now - receivedAt < days * DAY_MS) return true;
      }
      return false;
    },
    add: (low, high, now) => tableOf(Math.floor(now / DAY_MS)).set(low, high, now),
    size: () => tables.reduce((sum, { table }) => sum + table.size(), 0),
  };
}

type Table = {
  /** When the key was received. */
  get(low: number, high: number): number | undefined;
  set(low: number, high: number, receivedAt: number): void;
  size(): number;
};

function createTable(): Table {
  let columns = createColumns(FIRST_SLOTS);
  let used = 0;
  const put = (low: number, high: number, second: number): void => {
    const slot = slotOf(columns, low, high);
    if (columns.seconds[slot] === 0) used++;
    columns.lows[slot] = low;
    columns.highs[slot] = high;
    columns.seconds[slot] = second;
  };
  const grow = (): void => {
    const { lows, highs, seconds } = columns;
    columns = createColumns(seconds.length * 2);
    used = 0;
    seconds.forEach((second, slot) => {
      if (second !== 0) put(lows[slot] ?? 0, highs[slot] ?? 0, second);
    });
  };
  return {
    get(low, high) {
      const second = columns.seconds[slotOf(columns, low, high)] ?? 0;
      return second === 0 ? undefined : second * 1_000;
    },
    set(low, high, receivedAt) {
      if (used >= columns.seconds.length * MAX_LOAD) grow();
      put(low, high, Math.max(1, Math.floor(receivedAt / 1_000)));
    },
    size: () => used,
  };
}

type Columns = {
  readonly lows: Uint32Array;
  readonly highs: Uint32Array;
  /** When the key was received, in seconds since epoch; 0 marks a free slot. */
  readonly seconds: Uint32Array;
};

function createColumns(slots: number): Columns {
  return { lows: new Uint32Array(slots), highs: new Uint32Array(slots), seconds: new Uint32Array(slots) };
}

/** The key's slot, or the free one where it belongs. */
function slotOf({ lows, highs, seconds }: Columns, low: number, high: number): number {
  const mask = seconds.length - 1;
  let slot = low & mask;
  while (seconds[slot] !== 0 && (lows[slot] !== low || highs[slot] !== high)) slot = (slot + 1) & mask;
  return slot;
}
