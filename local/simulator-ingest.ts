/** Turns the events of an accepted request into what is stored of them: duplicates left out, long strings cut. */
import { hash } from 'node:crypto';
import { MAX_GROUP_TYPES, MAX_GROUP_VALUES } from '../shared/amplitude-event.ts';
import type { CheckedEvents, Ids, SimulatedEvent } from './simulator-checks.ts';
import type { Upload } from './simulator-request.ts';
import type { Seen } from './simulator-seen.ts';
import type { Spans } from './simulator-spans.ts';
import { type Keep, KEY_BYTES, type StoredRequest, textHash } from './simulator-store.ts';
import { cutStrings } from './simulator-strings.ts';
import type { SimulatorSwitches } from './simulator-switches.ts';

export type Ingested = {
  readonly request: StoredRequest;
  readonly duplicates: number;
  /** Events with a string that was cut. */
  readonly truncated: number;
  /** Events with groups that Amplitude leaves out without a word. */
  readonly groupsUntracked: number;
};

/** Greater differences between client_upload_time and the time of receipt move the events' times. */
const MAX_CLOCK_DIFFERENCE_MS = 60_000;
const NO_KEY = '0'.repeat(KEY_BYTES * 2);

export type IngestRules = {
  readonly switches: SimulatorSwitches;
  readonly keep: Keep;
  readonly now: number;
  readonly seen: Pick<Seen, 'has'>;
};

/** `left` are the indexes of the events that are not taken. */
export function ingest(
  upload: Upload,
  { events, ids }: CheckedEvents,
  left: ReadonlySet<number>,
  rules: IngestRules,
): Ingested {
  const { keep, now } = rules;
  const { indexes, keys } = newEvents(upload.apiKey, events, ids, left, rules);
  const shiftMs = clockShift(upload.clientUploadTime, rules);
  const eventOf = (index: number): SimulatedEvent => events[index] ?? {};
  const texts = indexes.map((index) => eventText(upload.spans, index, eventOf(index)));
  const columns = (): unknown[][] => [
    indexes.map((index) => eventOf(index)['insert_id'] ?? null),
    indexes.map((index) => ids.devices[index] ?? null),
    indexes.map((index) => ids.users[index] ?? null),
    indexes.map((index) => recordedTime(eventOf(index), shiftMs, now)),
  ];
  return {
    request: {
      receivedAt: now,
      endpoint: upload.endpoint,
      apiKey: upload.apiKey,
      shiftMs,
      events: indexes.length,
      keys,
      hashes: keep === 'events' ? null : Buffer.from(texts.map(textHash).join(''), 'hex'),
      ids: keep === 'ids' ? JSON.stringify(columns()) : null,
      text: keep === 'events' ? Buffer.concat(texts.flatMap((text) => [text, NEWLINE])) : null,
    },
    duplicates: events.length - left.size - indexes.length,
    truncated: indexes.filter((index) => upload.spans.long.has(index) && isCut(eventOf(index))).length,
    groupsUntracked: indexes.filter((index) => hasTooManyGroups(eventOf(index)['groups'])).length,
  };
}

const NEWLINE = Buffer.from('\n');

/** The dedupe key as the table of seen keys takes it. */
export function keyAt(keys: Buffer, event: number): readonly [low: number, high: number] {
  return [keys.readUInt32LE(event * KEY_BYTES), keys.readUInt32LE(event * KEY_BYTES + 4)];
}

function newEvents(
  apiKey: string,
  events: readonly SimulatedEvent[],
  ids: Ids,
  left: ReadonlySet<number>,
  { switches, seen, now }: IngestRules,
) {
  const keys = events.map((event, index) =>
    left.has(index) ? NO_KEY : dedupeKey(apiKey, event, ids.devices[index], ids.users[index], switches),
  );
  const bytes = Buffer.from(keys.join(''), 'hex');
  const here = new Set<string>();
  const indexes: number[] = [];
  for (const [index, key] of keys.entries()) {
    if (left.has(index)) continue;
    if (key !== NO_KEY) {
      const [low, high] = keyAt(bytes, index);
      if (here.has(key) || seen.has(low, high, now)) continue;
      here.add(key);
    }
    indexes.push(index);
  }
  const all = indexes.length === events.length;
  return { indexes, keys: all ? bytes : Buffer.from(indexes.map((index) => keys[index]).join(''), 'hex') };
}

function dedupeKey(
  apiKey: string,
  event: SimulatedEvent,
  device: string | undefined,
  user: string | undefined,
  switches: SimulatorSwitches,
): string {
  const parts = keyParts(event, device, user, switches);
  return parts === undefined ? NO_KEY : hash('sha1', `${apiKey}\0${parts}`, 'hex').slice(0, KEY_BYTES * 2);
}

/** What makes two events of a project the same; undefined when nothing does. */
function keyParts(
  event: SimulatedEvent,
  device: string | undefined,
  user: string | undefined,
  { dedupeBy, dedupeWithoutInsertId }: SimulatorSwitches,
): string | undefined {
  const insertId = event['insert_id'];
  // An event without device_id gets a hash of its user_id for one.
  const deviceOrUser = device === undefined ? `user\0${user}` : `device\0${device}`;
  if (typeof insertId !== 'string' || insertId === '') {
    return dedupeWithoutInsertId ? JSON.stringify([deviceOrUser, event['event_id'], event['time']]) : undefined;
  }
  switch (dedupeBy) {
    case 'device_id and insert_id':
      return `${deviceOrUser}\0${insertId}`;
    case 'insert_id':
      return insertId;
    case 'user_id, insert_id and time':
      return JSON.stringify([user, insertId, event['time']]);
  }
}

/** event_time = client_event_time + (server_received_time − client_upload_time), when that difference is large. */
function clockShift(clientUploadTime: number | undefined, { switches, now }: IngestRules): number {
  if (clientUploadTime === undefined || !switches.clockShift) return 0;
  const difference = now - clientUploadTime;
  return Math.abs(difference) > MAX_CLOCK_DIFFERENCE_MS ? difference : 0;
}

function recordedTime(event: SimulatedEvent, shiftMs: number, now: number): number {
  const time = event['time'];
  return typeof time === 'number' ? time + shiftMs : now;
}

/** The event as it is kept: the bytes that were sent, unless a string must be cut or a line break would split the line. */
function eventText({ text, starts, ends, long, broken }: Spans, index: number, event: SimulatedEvent): Buffer {
  const cut = long.has(index) ? cutStrings(event) : event;
  if (cut !== event) return Buffer.from(JSON.stringify(cut));
  const sent = text.subarray(starts[index], ends[index]);
  // Line breaks can only stand between JSON's tokens, never in a string.
  return broken.has(index) ? Buffer.from(sent.toString().replace(/[\r\n]/g, '')) : sent;
}

function isCut(event: SimulatedEvent): boolean {
  return cutStrings(event) !== event;
}

function hasTooManyGroups(groups: unknown): boolean {
  if (typeof groups !== 'object' || groups === null) return false;
  const values = Object.values(groups).flat();
  return Object.keys(groups).length > MAX_GROUP_TYPES || values.length > MAX_GROUP_VALUES;
}
