/** What an import has to carry, all of it or a project's part, from what was counted: of a sample, as if the rest were like it. */
import type { Source } from '../shared/config.ts';
import type { Hit } from './heavy-hitters.ts';
import type { ScannedDump } from './plan-scan.ts';
import type { EventCounts } from './plan-event-counts.ts';

export type Load = {
  readonly dumps: readonly DumpLoad[];
  readonly records: number;
  readonly events: number;
  readonly bytesPerEvent: number;
  /** Bytes of deflated JSON for one of JSON. */
  readonly deflated: number;
  /** Of whole dumps, so that nothing is extrapolated. */
  readonly isWhole: boolean;
  /** Records in all for one that was looked at; 1 for whole dumps. */
  readonly scale: number;
  readonly hottestDevices: readonly Hit[];
  readonly hottestUsers: readonly Hit[];
  readonly mostUpdated: readonly Hit[];
};

export type DumpLoad = {
  /** As it is stored. */
  readonly bytes: number;
  readonly records: number;
  readonly events: number;
  readonly lanes: number;
};

/** `counts` are of what was made of `read` records. */
export function loadOf(dumps: readonly ScannedDump[], read: number, counts: EventCounts): Load {
  const records = dumps.reduce((sum, dump) => sum + dump.records, 0);
  const scale = read === 0 ? 1 : records / read;
  const isWhole = dumps.every((dump) => dump.read === dump.records);
  const scaled = (hits: readonly Hit[]) =>
    hits.map((hit) => ({ ...(isWhole ? hit : extrapolate(hit, scale)), id: printable(hit.id) }));
  return {
    dumps: dumps.map(({ bytes, records: all, lanes }) => ({
      bytes,
      records: all,
      events: read === 0 ? 0 : (all * counts.events) / read,
      lanes,
    })),
    records,
    events: counts.events * scale,
    bytesPerEvent: counts.events === 0 ? 0 : counts.bytes / counts.events,
    deflated: counts.deflated,
    isWhole,
    scale,
    hottestDevices: scaled(counts.hottestDevices),
    hottestUsers: scaled(counts.hottestUsers),
    mostUpdated: scaled(counts.mostUpdated),
  };
}

/** Few events in a sample say little: two standard deviations either way, as if they came by chance. */
function extrapolate({ id, atLeast, atMost }: Hit, scale: number): Hit {
  const least = Math.max(0, atLeast - 2 * Math.sqrt(atLeast));
  return { id, atLeast: least * scale, atMost: (atMost + 2 * Math.sqrt(atMost)) * scale };
}

/** An id may hold anything, also what moves a terminal's cursor. */
function printable(id: string): string {
  return id.replaceAll(/\p{C}/gu, '\ufffd');
}

/** Those that may get lanes of their own. */
export function laneHits({ hottestDevices, hottestUsers }: Load, { lane }: Pick<Source, 'lane'>): readonly Hit[] {
  const [first, second] = lane === 'device' ? [hottestDevices, hottestUsers] : [hottestUsers, hottestDevices];
  return first.length > 0 ? first : second;
}
