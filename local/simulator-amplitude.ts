/** Amplitude without its HTTP: takes the body of a request, decides, counts, stores, and gives the answer. */
import { type Answer, accepted } from './simulator-answers.ts';
import type { ReceivedBody } from './simulator-body.ts';
import { type CheckedEvents, checkEvents, type SimulatedEvent } from './simulator-checks.ts';
import { type Ingested, ingest, keyAt } from './simulator-ingest.ts';
import { createJudge, type JudgeOptions } from './simulator-judge.ts';
import { readRequest, type Upload } from './simulator-request.ts';
import { createSeen, type Seen } from './simulator-seen.ts';
import { KEY_BYTES, type Keep, type SimulatorStore, type StoredRequest } from './simulator-store.ts';
import type { Endpoint } from './simulator-switches.ts';

export type AmplitudeOptions = JudgeOptions & {
  readonly store: SimulatorStore;
  readonly keep: Keep;
  isApiKey(key: string): boolean;
  now(): number;
};

export type EventCounts = {
  /** In requests that could be read. */
  received: number;
  stored: number;
  duplicates: number;
  /** Events of requests answered 429, and of those answered 400. */
  throttled: number;
  invalid: number;
  silenced: number;
  /** Accepted, but a string was cut, groups were left out, or the event type is beyond the project's 2,000. */
  truncated: number;
  groupsUntracked: number;
  unindexed: number;
};

export type Amplitude = {
  take(endpoint: Endpoint, body: ReceivedBody): { readonly answer: Answer; readonly events: number };
  readonly counts: Readonly<EventCounts>;
  /** Ids the windows remember. */
  rememberedIds(): number;
};

/** More event types of a project are accepted, but not indexed (https://amplitude.com/docs/faq/limits). */
const MAX_EVENT_TYPES = 2_000;
const DAY_MS = 86_400_000;
const NOBODY: ReadonlySet<number> = new Set();

export function createAmplitude(options: AmplitudeOptions): Amplitude {
  const { switches } = options;
  const { judge, rememberedIds } = createJudge(options);
  const counts = emptyCounts();
  const save = createSave(options, counts);
  return {
    counts,
    rememberedIds,
    take(endpoint, body) {
      const read = readRequest(endpoint, body, options);
      if (read.kind === 'refused') return { answer: read.answer, events: 0 };
      const now = options.now();
      const { upload } = read;
      const events = upload.events.length;
      counts.received += events;
      const rules = { switches, now, minIdLength: upload.minIdLength, deep: upload.spans.deep };
      const checked = checkEvents(upload.events, rules);
      const refusal = judge(upload, checked, now);
      if (refusal !== undefined) {
        counts[refusal.kind] += events;
        if (!switches.atomic) save(upload, checked, refusal.events, now);
        return { answer: refusal.answer, events };
      }
      const { duplicates } = save(upload, checked, NOBODY, now);
      const ingestedEvents = switches.duplicatesIngested ? events : events - duplicates;
      return { answer: accepted(ingestedEvents, upload.bytes, now), events };
    },
  };
}

type Save = (upload: Upload, checked: CheckedEvents, left: ReadonlySet<number>, now: number) => Ingested;

/** Stores all events but those `left`. */
function createSave({ switches, store, keep, now: clock }: AmplitudeOptions, counts: EventCounts): Save {
  const seen = recallSeen(store, switches.dedupeDays, clock());
  const eventTypes = new Map<string, Set<string>>();
  return (upload, checked, left, now) => {
    const ingested = ingest(upload, checked, left, { switches, keep, now, seen });
    if (ingested.request.events > 0) store.save(ingested.request);
    // Only now, so that events that could not be stored do not pass for duplicates later.
    remember(seen, ingested.request);
    addCounts(counts, ingested, countUnindexed(eventTypes, upload.apiKey, checked.events, left));
    return ingested;
  };
}

function emptyCounts(): EventCounts {
  return {
    received: 0,
    stored: 0,
    duplicates: 0,
    throttled: 0,
    invalid: 0,
    silenced: 0,
    truncated: 0,
    groupsUntracked: 0,
    unindexed: 0,
  };
}

function addCounts(counts: EventCounts, ingested: Ingested, unindexed: number): void {
  counts.stored += ingested.request.events;
  counts.duplicates += ingested.duplicates;
  counts.truncated += ingested.truncated;
  counts.groupsUntracked += ingested.groupsUntracked;
  counts.unindexed += unindexed;
}

/** What was stored before a restart must be known for a duplicate after it. */
function recallSeen(store: SimulatorStore, days: number, now: number): Seen {
  const seen = createSeen(days);
  for (const request of store.keysSince(now - days * DAY_MS)) remember(seen, request);
  return seen;
}

function remember(seen: Seen, { keys, receivedAt }: Pick<StoredRequest, 'keys' | 'receivedAt'>): void {
  for (let i = 0; i < keys.length / KEY_BYTES; i++) {
    const [low, high] = keyAt(keys, i);
    if (low !== 0 || high !== 0) seen.add(low, high, receivedAt);
  }
}

/** How many of the events have a type that came after the project had all it may have. */
function countUnindexed(
  known: Map<string, Set<string>>,
  apiKey: string,
  events: readonly SimulatedEvent[],
  left: ReadonlySet<number>,
): number {
  const types = known.get(apiKey) ?? new Set();
  known.set(apiKey, types);
  let unindexed = 0;
  for (let i = 0; i < events.length; i++) {
    if (left.has(i)) continue;
    const type = String(events[i]?.['event_type']);
    if (types.size < MAX_EVENT_TYPES) types.add(type);
    else if (!types.has(type)) unindexed++;
  }
  return unindexed;
}
