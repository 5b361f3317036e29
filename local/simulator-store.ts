/**
 * What the simulator stored, in SQLite: one row for each request that brought something new, so that storing costs one
 * insert, and a request is on disk (or in memory) as a whole before it is answered.
 */
import { hash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import type { Endpoint } from './simulator-switches.ts';

/** How much is kept of each event: only hashes, also its ids and time, or all of it. */
export type Keep = 'hashes' | 'ids' | 'events';

export const KEY_BYTES = 8;
export const HASH_BYTES = 16;

/** The events of one request that were new, in the order they came. */
export type StoredRequest = {
  readonly receivedAt: number;
  readonly endpoint: Endpoint;
  readonly apiKey: string;
  /** What is added to the events' times because client_upload_time was off. */
  readonly shiftMs: number;
  readonly events: number;
  /** 8 bytes of each event's dedupe key; zeros when it has none. */
  readonly keys: Buffer;
  /** 16 bytes of the SHA-256 of each event's text. */
  readonly hashes: Buffer | null;
  /** insert_ids, device_ids, user_ids and times: four arrays, as JSON. */
  readonly ids: string | null;
  /** The events as they were sent, one a line. */
  readonly text: Buffer | null;
};

export type StoredEvent = {
  readonly receivedAt: number;
  readonly endpoint: Endpoint;
  readonly apiKey: string;
  /** The dedupe key's hash, in hex; undefined when the event had no insert_id. */
  readonly key?: string;
  /** First 32 hex digits of the SHA-256 of its text. */
  readonly sha256: string;
  readonly insertId?: string;
  readonly deviceId?: string;
  readonly userId?: string;
  /** Milliseconds since epoch, as Amplitude would record it. */
  readonly time?: number;
  /** As it was sent, with strings cut at 1,024 characters. */
  readonly text?: string;
};

export type SimulatorStore = {
  save(request: StoredRequest): void;
  events(): Generator<StoredEvent>;
  /** Keys received since then, oldest request first. */
  keysSince(time: number): Generator<Pick<StoredRequest, 'receivedAt' | 'keys'>>;
  count(): number;
  clear(): void;
  close(): void;
};

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  CREATE TABLE IF NOT EXISTS requests (
    id INTEGER PRIMARY KEY, received_at INTEGER NOT NULL, endpoint TEXT NOT NULL, api_key TEXT NOT NULL,
    shift_ms INTEGER NOT NULL, events INTEGER NOT NULL, keys BLOB NOT NULL, hashes BLOB, ids TEXT, text BLOB
  )`;

/** `file` is a path, or `:memory:`. */
export function openSimulatorStore(file: string): SimulatorStore {
  const db = new DatabaseSync(file);
  db.exec(SCHEMA);
  const insert = db.prepare(
    'INSERT INTO requests (received_at, endpoint, api_key, shift_ms, events, keys, hashes, ids, text) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
  );
  const next = db.prepare('SELECT * FROM requests WHERE id > ? ORDER BY id LIMIT 1');
  const nextKeys = db.prepare(
    'SELECT id, received_at, keys FROM requests WHERE id > ? AND received_at >= ? ORDER BY id LIMIT 1',
  );
  let events = Number(db.prepare('SELECT coalesce(sum(events), 0) AS events FROM requests').get()?.['events']);
  return {
    save(request) {
      const { receivedAt, endpoint, apiKey, shiftMs, keys, hashes, ids, text } = request;
      insert.run(receivedAt, endpoint, apiKey, shiftMs, request.events, keys, hashes, ids, text);
      events += request.events;
    },
    // Row by row and not by one cursor, so that a reader may pause while requests come in.
    *events() {
      for (let row = next.get(0); row !== undefined; row = next.get(Number(row['id']))) yield* eventsOf(toRequest(row));
    },
    *keysSince(time) {
      for (let row = nextKeys.get(0, time); row !== undefined; row = nextKeys.get(Number(row['id']), time)) {
        yield { receivedAt: Number(row['received_at']), keys: toBuffer(row['keys']) ?? Buffer.alloc(0) };
      }
    },
    count: () => events,
    clear() {
      db.exec('DELETE FROM requests');
      events = 0;
    },
    close() {
      if (db.isOpen) db.close();
    },
  };
}

function toRequest(row: Readonly<Record<string, unknown>>): StoredRequest {
  return {
    receivedAt: Number(row['received_at']),
    endpoint: row['endpoint'] === 'batch' ? 'batch' : 'httpapi',
    apiKey: String(row['api_key']),
    shiftMs: Number(row['shift_ms']),
    events: Number(row['events']),
    keys: toBuffer(row['keys']) ?? Buffer.alloc(0),
    hashes: toBuffer(row['hashes']),
    ids: typeof row['ids'] === 'string' ? row['ids'] : null,
    text: toBuffer(row['text']),
  };
}

function toBuffer(value: unknown): Buffer | null {
  return value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : null;
}

function* eventsOf(request: StoredRequest): Generator<StoredEvent> {
  const { receivedAt, endpoint, apiKey, keys, hashes } = request;
  const ids = request.ids === null ? undefined : readIds(request.ids);
  const lines = request.text?.toString().split('\n');
  for (let i = 0; i < request.events; i++) {
    const key = keys.toString('hex', i * KEY_BYTES, (i + 1) * KEY_BYTES);
    const text = lines?.[i];
    yield {
      receivedAt,
      endpoint,
      apiKey,
      ...(/[^0]/.test(key) && { key }),
      sha256:
        text === undefined ? (hashes?.toString('hex', i * HASH_BYTES, (i + 1) * HASH_BYTES) ?? '') : textHash(text),
      ...(text === undefined ? idsAt(ids, i) : { ...idsIn(text, request), text }),
    };
  }
}

/** First 32 hex digits of the SHA-256 of an event's text. */
export function textHash(text: string | Uint8Array): string {
  return hash('sha256', text, 'hex').slice(0, HASH_BYTES * 2);
}

type IdColumns = readonly (readonly unknown[])[];
type EventIds = Pick<StoredEvent, 'insertId' | 'deviceId' | 'userId' | 'time'>;

function readIds(json: string): IdColumns {
  const columns: unknown = JSON.parse(json);
  return Array.isArray(columns) ? columns : [];
}

function idsAt(columns: IdColumns | undefined, index: number): EventIds {
  const [insertId, deviceId, userId, time] = columns?.map((column) => column[index]) ?? [];
  return toIds(insertId, deviceId, userId, time);
}

function idsIn(text: string, { receivedAt, shiftMs }: StoredRequest): EventIds {
  const event: unknown = JSON.parse(text);
  const { insert_id, device_id, user_id, time } = event as { readonly [field: string]: unknown };
  return toIds(insert_id, device_id, user_id, typeof time === 'number' ? time + shiftMs : receivedAt);
}

function toIds(insertId: unknown, deviceId: unknown, userId: unknown, time: unknown): EventIds {
  return {
    ...(typeof insertId === 'string' && { insertId }),
    ...(typeof deviceId === 'string' && { deviceId }),
    ...(typeof userId === 'string' && { userId }),
    ...(typeof time === 'number' && { time }),
  };
}
