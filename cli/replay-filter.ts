/** Which dead messages a replay is about. */
import { resolve } from 'node:path';
import { inflateText } from '../lambdas/uploader/amplitude.ts';
import { splitEvents } from '../lambdas/uploader/chunk-events.ts';
import { decodeChunk } from '../shared/chunk.ts';
import type { DeadMessage } from './replay-dead-message.ts';
import { UsageError } from './usage.ts';

/** What is given must all be so. */
export type ReplayFilter = {
  /** The dump's id, its path or address, or a part of that. */
  readonly dump?: string | undefined;
  /** In the reason, whatever the case of its letters. */
  readonly reason?: string | undefined;
  /** Any of its events is of this device, of this user. */
  readonly device?: string | undefined;
  readonly user?: string | undefined;
  /** How long it has been dead. */
  readonly olderThanMs?: number | undefined;
  readonly youngerThanMs?: number | undefined;
};

export const FILTER_OPTIONS = {
  dump: { type: 'string' },
  reason: { type: 'string' },
  device: { type: 'string' },
  user: { type: 'string' },
  'older-than': { type: 'string' },
  'younger-than': { type: 'string' },
} as const;

export const FILTER_HELP = `  --dump <text>     of one dump: its id, its path or address, or a part of that
  --reason <text>   dead for a reason that contains this text
  --device <id>     with an event of this device; the whole message goes
  --user <id>       with an event of this user; the whole message goes
  --older-than <duration>, --younger-than <duration>
                    dead for longer, for less time than 90s, 45m, 36h or 3d`;

export function readFilter(values: Readonly<Partial<Record<keyof typeof FILTER_OPTIONS, string>>>): ReplayFilter {
  const { dump, reason, device, user } = values;
  for (const [name, value] of Object.entries({ dump, reason, device, user })) {
    if (value === '') throw new UsageError(`--${name}: found nothing, expected a text`);
  }
  return {
    dump,
    reason,
    device,
    user,
    olderThanMs: readDuration('older-than', values['older-than']),
    youngerThanMs: readDuration('younger-than', values['younger-than']),
  };
}

export async function isWanted(dead: DeadMessage, filter: ReplayFilter, now: number): Promise<boolean> {
  const { dump, reason, device, user, olderThanMs, youngerThanMs } = filter;
  const ageMs = now - dead.message.sentAt;
  if (olderThanMs !== undefined && ageMs <= olderThanMs) return false;
  if (youngerThanMs !== undefined && ageMs >= youngerThanMs) return false;
  if (reason !== undefined && !dead.reason.toLowerCase().includes(reason.toLowerCase())) return false;
  if (
    dump !== undefined &&
    !dead.dumps.some(({ id, url }) => id === dump || url.includes(dump) || url === resolve(dump))
  )
    return false;
  return (device === undefined && user === undefined) || holdsEventOf(dead, device, user);
}

/** Both in the same event when both are given. */
async function holdsEventOf(
  { header, message }: DeadMessage,
  device: string | undefined,
  user: string | undefined,
): Promise<boolean> {
  if (!header) return false;
  try {
    const chunk = decodeChunk(message.body);
    const text = await inflateText(chunk);
    if (!mayHold(text, device) || !mayHold(text, user)) return false;
    const events = splitEvents(text, chunk.positions);
    return events.some(
      ({ deviceId, userId }) =>
        (device === undefined || deviceId === device) && (user === undefined || userId === user),
    );
  } catch {
    // A damaged chunk has no event to be found; without --device and --user it goes back like any other.
    return false;
  }
}

/** Spares the parsing of most chunks: where nothing is escaped, an id stands as it is. */
function mayHold(text: Buffer, id: string | undefined): boolean {
  return id === undefined || text.includes(id) || text.includes('\\');
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** In ms. Throws a UsageError. */
export function readDuration(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, count, unit = ''] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text) ?? [];
  const unitMs = UNIT_MS[unit];
  if (count !== undefined && unitMs !== undefined) return Number(count) * unitMs;
  throw new UsageError(`--${name}: found "${text}", expected a number and s, m, h or d: 90s, 45m, 36h, 3d`);
}
