/** The events of a chunk one by one, for when Amplitude did not take them all. */

export type ChunkEvent = {
  /** Its JSON text as it is sent. */
  readonly text: string;
  /** Position of its record in the dump. */
  readonly position: number;
  readonly deviceId: string | undefined;
  readonly userId: string | undefined;
};

/** In a chunk's text every event but the last ends in a comma and a newline, and newlines stand nowhere else. */
const SEPARATOR = ',\n';

/** `positions` has one for each event of the text. */
export function splitEvents(text: Buffer, positions: readonly number[]): ChunkEvent[] {
  const texts = text.toString('utf8').split(SEPARATOR);
  if (texts.length !== positions.length)
    throw new Error(`chunk is damaged: it says ${positions.length} events and holds ${texts.length}`);
  return texts.map((event, i) => ({ text: event, position: positions[i] ?? 0, ...readIds(event) }));
}

export function joinEvents(events: readonly ChunkEvent[]): Buffer {
  return Buffer.from(events.map((event) => event.text).join(SEPARATOR));
}

/** The largest number of these events that share a device or a user. */
export function hottestOf(events: readonly ChunkEvent[]): number {
  const counts = new Map<string, number>();
  for (const { deviceId, userId } of events) {
    if (deviceId !== undefined) counts.set(`d${deviceId}`, (counts.get(`d${deviceId}`) ?? 0) + 1);
    if (userId !== undefined) counts.set(`u${userId}`, (counts.get(`u${userId}`) ?? 0) + 1);
  }
  return Math.max(0, ...counts.values());
}

function readIds(text: string): Pick<ChunkEvent, 'deviceId' | 'userId'> {
  const { device_id, user_id } = parseEvent(text);
  return {
    deviceId: typeof device_id === 'string' ? device_id : undefined,
    userId: typeof user_id === 'string' ? user_id : undefined,
  };
}

/** What is no event has no ids, and is for Amplitude to refuse: an error would hold the others back, and quote it in a log. */
function parseEvent(text: string): Record<string, unknown> {
  try {
    return { ...JSON.parse(text) };
  } catch {
    return {};
  }
}
