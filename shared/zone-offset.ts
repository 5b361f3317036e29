/** How far the clocks of a time zone are ahead of UTC at a moment. */

/** Every change of any zone since 1970 was at a quarter of an hour. */
const QUARTER_MS = 900_000;
/** A dump is about days, with 96 quarters each. */
const MAX_KEPT = 20_000;

const formats = new Map<string, Intl.DateTimeFormat>();
const kept = new Map<string, number>();

/** `zone` is an IANA name; ms, positive east of Greenwich. */
export function readOffset(moment: number, zone: string): number {
  const quarter = Math.floor(moment / QUARTER_MS);
  const key = `${quarter} ${zone}`;
  const known = kept.get(key);
  if (known !== undefined) return known;
  if (kept.size >= MAX_KEPT) kept.clear();
  const offset = askOffset(quarter * QUARTER_MS, zone);
  kept.set(key, offset);
  return offset;
}

/** Making one takes as long as a hundred times using it. Throws a RangeError where there is no such zone. */
function formatOf(zone: string): Intl.DateTimeFormat {
  const format = formats.get(zone) ?? new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' });
  formats.set(zone, format);
  return format;
}

function askOffset(moment: number, zone: string): number {
  const name =
    formatOf(zone)
      .formatToParts(moment)
      .find(({ type }) => type === 'timeZoneName')?.value ?? '';
  const found = /GMT([+-])(\d\d):(\d\d)(?::(\d\d))?/.exec(name);
  if (!found) return 0; // GMT itself
  const [, sign, hours, minutes, seconds = 0] = found;
  return (sign === '-' ? -1_000 : 1_000) * (3_600 * Number(hours) + 60 * Number(minutes) + Number(seconds));
}

/** Whether `name` is one that `readOffset` takes. */
export function isTimeZone(name: string): boolean {
  try {
    formatOf(name);
    return true;
  } catch {
    return false;
  }
}
