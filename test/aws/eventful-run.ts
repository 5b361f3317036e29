/**
 * A run of the stack as deployed in which as much happens as can: continuations, parts, dumps in order, lookups, hashes, a lost
 * notification, bad records, dumps and messages, events that Amplitude names, throttles or echoes, and in the end an API key
 * that it does not know.
 * Whatever is private has the canary in it.
 */
import { gzipSync } from 'node:zlib';
import { type Fault, FAULTS, type NextFault } from '../../local/simulator-faults.ts';
import { startSimulator } from '../../local/simulator.ts';
import { sumBooks } from '../../shared/books.ts';
import type { ImporterInput } from '../../shared/config.ts';
import { type Dump, dumpId } from '../../shared/dump.ts';
import { type Deployed, startDeployed } from './deployed.ts';
import { s3Notification } from './s3-notification.ts';
import { synthesize } from './synthesize.ts';
import { until } from './until.ts';

/** Letters alone: they are what an answer's words may be made of. */
export const CANARY = 'Canarybird';

const LOOKUP = 's3://somebodys-plans/plans/now.csv';
const PROJECT = { secret: 'amplitude/api-key' };
const IMPORTER: ImporterInput = {
  segmentRecords: 100,
  // The main dump is cut into parts.
  partBytes: 20_000,
  // More than the troubles that one chunk can meet.
  maxTries: 10,
  sources: [
    { name: 'main', prefix: 'incoming/', project: PROJECT },
    {
      name: 'ordered',
      prefix: 'ordered/',
      inOrder: true,
      project: PROJECT,
      expect: { every: 'day', by: '06:00', zone: 'Europe/Berlin', of: 'day-before' },
      enrich: [
        { hash: { fields: ['user_id'], secret: 'hash/key' } },
        { lookup: { file: LOOKUP, key: 'event_properties.plan', column: 'key', take: ['price'] } },
      ],
    },
  ],
};

/** What both secrets hold. */
const SECRET = JSON.stringify({ apiKey: `${CANARY}ApiKey`, hashKey: `${CANARY}HashKey-0123456789abcdef` });

const THROTTLED = `${CANARY}Throttled`;
const NAMED = `${CANARY}Named`;

/** Less than what the chunker wants to have left: it stops at each segment's end. */
const HASTE = { timeoutMs: { chunker: 45_000, uploader: 45_000 }, longestWaitSeconds: 1 };
const PATIENCE_MS = 200_000;
const HOUR_MS = 3_600_000;

export type EventfulRun = {
  readonly stack: Deployed;
  /** Those that were dropped and are not gone. */
  readonly dumps: readonly Dump[];
  stop(): Promise<void>;
};

export async function eventfulRun(): Promise<EventfulRun> {
  const synthesized = await synthesize(IMPORTER);
  const simulator = await startSimulator({ silenced: [`${CANARY}Silenced`] });
  const stack = await startDeployed({ ...synthesized, amplitudeUrl: simulator.url, apiKey: SECRET, haste: HASTE });
  const stop = async () => {
    await stack.stop();
    synthesized.remove();
    await simulator.close();
  };
  const dumps: Dump[] = [];
  const drop = async (key: string, body: string | Buffer) => {
    const { dump } = await stack.drop(key, body);
    dumps.push(dump);
    return dump;
  };
  const describe = () => [...stack.refused, ...stack.log().slice(-20)].join('\n');
  const said = (what: string, pattern: RegExp) =>
    until(what, async () => stack.log().some((line) => pattern.test(line)), describe, PATIENCE_MS);
  try {
    simulator.setFaults(troubles());
    await stack.putElsewhere('somebodys-plans', 'plans/now.csv', `key,price\n${CANARY}Plan,12\n`);
    await stack.watch(Date.now() - HOUR_MS);
    await drop('incoming/main.ndjson', mainLines());
    for (const name of ['a', 'b']) await drop(`ordered/${name}.ndjson`, `${event('Ordered', { n: name })}\n`);
    await drop('incoming/broken.json', `[${event('Array')}, {"${CANARY}": ${CANARY}}]`);
    await drop('incoming/cut.ndjson.gz', gzipSync(`${event('Cut')}\n`).subarray(0, -12));
    await drop('incoming/broken.parquet', `PAR1${CANARY}`);
    await stack.notify(
      s3Notification({ bucket: dumps[0]?.bucket ?? '', key: 'incoming/gone.ndjson', etag: 'e', size: 3 }),
    );
    await stack.notify(`{"${CANARY}": "is no notification`);
    await said('a parked remainder to be throttled again', /"chunk wait".*"parked":/);
    const isAtRest = async () => (await Promise.all(dumps.map((dump) => inFlight(stack, dump)))).every((n) => n === 0);
    await until('nothing to be in flight', isAtRest, describe, PATIENCE_MS);
    const isGivenUp = async () => (await stack.queued())['S3ToAmplitude-intake-dlq'] === 1;
    await until('what is no notification to be given up', isGivenUp, describe, PATIENCE_MS);
    const lost = await stack.dropUnheard('incoming/lost.ndjson', `${event('Lost')}\n`);
    // By then nothing has moved for so long.
    await stack.watch(Date.now() + 7 * HOUR_MS);
    dumps.push(lost);
    await until('the lost dump to be in', async () => (await inFlight(stack, lost)) === 0, describe, PATIENCE_MS);
    simulator.setFaults(() => FAULTS.answer(400, { code: 400, error: `Invalid API key: ${CANARY}ApiKey` }));
    await drop('incoming/late.ndjson', `${event('Late')}\n`);
    const dead = async () => {
      const queued = await stack.queued();
      return ['upload-dlq.fifo', 'parked-dlq'].every((name) => queued[`S3ToAmplitude-${name}`] === 1);
    };
    await until('the late chunk and the parked one to be dead', dead, describe, PATIENCE_MS);
    for (const [i, body] of [`{"v":7}\n${CANARY}`, `{"v":1,"${CANARY}":\n`, CANARY].entries()) {
      await stack.uploads.send([{ id: `bad-${i}`, group: `bad-${i}`, body }]);
    }
    await said('a chunk that nobody can read to be tried again', /"chunk is tried again".*is not a chunk/);
    return { stack, dumps, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Events of a dump that is read; undefined of one that is not. */
async function inFlight({ ledger }: Deployed, dump: Dump): Promise<number | undefined> {
  const entry = await ledger.entry(dumpId(dump));
  return entry && entry.state !== 'reading' ? sumBooks(await ledger.segments(entry)).inFlight : undefined;
}

/** More than two segments, so that it is read in three invocations. */
function mainLines(): string {
  const good = Array.from({ length: 210 }, (_, n) => event('Main', { n, device_id: `${CANARY}-${n % 7}` }));
  const bad = [
    `{"event_type":"${CANARY}`,
    `["${CANARY}"]`,
    `{"${CANARY}":1}`,
    `{"event_type":"${CANARY}","time":"${CANARY}","user_id":"${CANARY}"}`,
  ];
  const named = [THROTTLED, NAMED, `${CANARY}Silenced`].map((device_id) => event(device_id, { device_id }));
  return `${[...bad, ...named, ...good].join('\n')}\n`;
}

function event(name: string, more: Readonly<Record<string, unknown>> = {}): string {
  const { n, device_id = `${CANARY}Device` } = more;
  return JSON.stringify({
    event_type: `${CANARY} ${name}`,
    device_id,
    user_id: `${CANARY}User`,
    insert_id: `${CANARY}-${name}-${String(n)}`,
    ip: `${CANARY}Ip`,
    event_properties: { [`${CANARY}Name`]: `${CANARY}Value`, plan: `${CANARY}Plan` },
    user_properties: { [CANARY]: [CANARY] },
  });
}

/** Each kind of answer that repeats what it was sent, once; and one device that is throttled always. */
function troubles(): NextFault {
  const echoes: Fault[] = [
    FAULTS.answer(503, { code: 503, error: `${CANARY} is unavailable` }),
    FAULTS.answer(400, { code: 400, error: `${CANARY} went wrong`, events_with_invalid_fields: { [CANARY]: [1] } }),
    FAULTS.answer(200, { code: 500, error: `${CANARY}` }),
    { instead: { status: 502, body: `<html>${CANARY}</html>`, headers: { 'content-type': CANARY } } },
    { instead: { status: 200, body: `{"code":200,"${CANARY}":`, headers: {} } },
  ];
  return ({ body }) => {
    const isMain = body.includes(NAMED);
    if (isMain && echoes.length > 0) return echoes.shift();
    if (!body.includes(THROTTLED)) return undefined;
    const names = { throttled_devices: { [THROTTLED]: 31 }, throttled_users: {}, throttled_events: [] };
    return FAULTS.answer(429, { code: 429, error: `Too many requests for ${CANARY}`, ...names });
  };
}
