/** Amplitude in the same process, which answers what it likes: the simulator's decisions with faults before and after. */
import { createAmplitude } from '../../local/simulator-amplitude.ts';
import { openSimulatorStore } from '../../local/simulator-store.ts';
import { type SimulatorSwitches, withDefaults } from '../../local/simulator-switches.ts';
import type { Amplitude } from '../../lambdas/uploader/amplitude.ts';
import { inflateText } from '../../lambdas/uploader/amplitude.ts';
import type { Answer } from '../../lambdas/uploader/read-verdict.ts';
import type { Clock } from '../../shared/embedded/queue.ts';
import { count, type Fired } from './life.ts';

export type FickleOptions = {
  readonly switches: Partial<SimulatorSwitches>;
  readonly silenced: readonly string[];
  readonly clock: () => Clock;
  readonly random: () => number;
  readonly fired: Fired;
};

const ANSWERS: Readonly<Record<string, Answer>> = {
  '503': { kind: 'answer', status: 503, body: '{"code":503,"error":"unavailable"}' },
  '500 in HTML': { kind: 'answer', status: 500, body: '<html>oops</html>' },
  '502 without a body': { kind: 'answer', status: 502, body: '' },
  '403 in HTML': { kind: 'answer', status: 403, body: '<html>Forbidden</html>' },
  '429 naming nobody': { kind: 'answer', status: 429, body: '{"code":429,"error":"Rate limit exceeded"}' },
  '200 with body code 429': { kind: 'answer', status: 200, body: '{"code":429,"error":"Too many requests"}' },
  '200 without a body': { kind: 'answer', status: 200, body: '' },
  '200 that is no JSON': { kind: 'answer', status: 200, body: '<html>' },
  '400 naming nobody': { kind: 'answer', status: 400, body: '{"code":400,"error":"Invalid event JSON"}' },
  '413': { kind: 'answer', status: 413, body: '{"code":413,"error":"Payload too large"}' },
  reset: { kind: 'no-answer', reason: 'no answer: ECONNRESET' },
  'time-out': { kind: 'no-answer', reason: 'no answer within 60000 ms' },
};

/** What may be answered although the events were stored, and what only without. */
const AFTER_STORING = [
  '500 in HTML',
  '502 without a body',
  '200 without a body',
  '200 that is no JSON',
  'reset',
  'time-out',
];

/** What does not blame the events: of a request with one event the others would say that it is refused, and be believed. */
const NOT_THE_EVENT = Object.keys(ANSWERS).filter((name) => !/^4(00|03|13)/.test(name));

export function fickleAmplitude({ switches, silenced, clock, random, fired }: FickleOptions) {
  const store = openSimulatorStore(':memory:');
  const core = createAmplitude({
    switches: withDefaults(switches),
    store,
    keep: 'events',
    isApiKey: () => true,
    spammy: [],
    silenced,
    now: () => clock().now(),
  });
  let faults = 0;
  const disturbed = new Set<string>();

  async function upload({ api, events, minIdLength, apiKey }: Parameters<Amplitude['upload']>[0]): Promise<Answer> {
    await clock().sleep(100 + 900 * random());
    if (events.length > 1) count(fired, 'several chunks in one request');
    const text = (await Promise.all(events.map(inflateText))).join(',');
    const options = minIdLength === undefined ? '' : `,"options":{"min_id_length":${minIdLength}}`;
    const body = Buffer.from(`{"api_key":${JSON.stringify(apiKey)},"events":[${text}]${options}}`);
    const isFault = random() < faults;
    const stores = !isFault || random() < 0.5;
    const sent = { gzip: false, contentType: 'application/json', sentBytes: body.length, text: body };
    const { answer } = stores ? core.take(api === 'batch' ? 'batch' : 'httpapi', sent) : { answer: undefined };
    if (answer && throttles(answer.body)) for (const id of insertIds(text)) disturbed.add(id);
    if (answer) count(fired, `Amplitude: ${answer.status}`);
    if (!isFault && answer) return { kind: 'answer', status: answer.status, body: JSON.stringify(answer.body) };
    const names = answer?.status === 200 ? AFTER_STORING : positionsIn(text) > 1 ? Object.keys(ANSWERS) : NOT_THE_EVENT;
    const name = names[Math.floor(random() * names.length)] ?? 'reset';
    count(fired, `${name}${answer?.status === 200 ? ' after storing' : ''}`);
    return ANSWERS[name] ?? { kind: 'no-answer', reason: 'no answer' };
  }

  return {
    upload,
    stored: () => [...store.events()],
    counts: core.counts,
    /** insert_ids of requests that were throttled: their order may change. */
    disturbed,
    setFaults(share: number): void {
      faults = share;
    },
    close: () => store.close(),
  };
}

/** Answers 400 that name silenced events may name throttled ones beside them. */
function throttles(body: object): boolean {
  return 'throttled_events' in body && Array.isArray(body.throttled_events) && body.throttled_events.length > 0;
}

function positionsIn(text: string): number {
  return text.split('\n').length;
}

function insertIds(text: string): string[] {
  return [...text.matchAll(/"insert_id":"([^"]+)"/g)].map(([, id]) => id ?? '');
}
