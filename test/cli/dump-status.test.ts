/** What state a dump is in, what keeps it from being complete, and which command mends that. */
import { describe, expect, test } from 'vitest';
import {
  type DumpStatus,
  markSuperseded,
  outcomeOf,
  progressOf,
  type Situation,
  shellWord,
  statusOf,
} from '../../cli/dump-status.ts';
import { formatDetail, statusJson } from '../../cli/status-detail.ts';
import { changeLine, formatTable, type TableLook } from '../../cli/status-table.ts';
import { viewOfDump } from './status-views.ts';

const HOUR = 3_600_000;
const NOW = Date.parse('2026-11-21T06:00:00Z');
const STACK: Situation = { now: NOW, givenUp: new Map(), options: ' --stack S3' };
const BRAKED: Situation = { ...STACK, braked: new Map([['web', { eventsPerDay: 1_000, until: NOW + 60_000 }]]) };
const HERE: Situation = { ...STACK, options: '', isAtWork: true };
const STOPPED: Situation = { ...STACK, options: '', isAtWork: false };

const OPEN = { state: 'read', changedAt: NOW - 1_000 } as const;

describe('the state of a dump', () => {
  test.each<[string, Parameters<typeof viewOfDump>[0], Situation, DumpStatus['state']]>([
    ['is being read', { state: 'reading', changedAt: NOW }, STACK, 'chunking'],
    ['is being read, on this machine', { state: 'reading', changedAt: NOW }, HERE, 'chunking'],
    ['was being read when its import was stopped', { state: 'reading', changedAt: NOW }, STOPPED, 'stopped'],
    ['made no step for seven hours', { state: 'reading', changedAt: NOW - 7 * HOUR }, STACK, 'stuck'],
    ['made a step five hours ago', { state: 'reading', changedAt: NOW - 5 * HOUR }, STACK, 'chunking'],
    ['has events in flight', { ...OPEN, events: 10, delivered: 4 }, STACK, 'uploading'],
    ['has events in flight, and its import was stopped', { ...OPEN, events: 10, delivered: 4 }, STOPPED, 'stopped'],
    ['has events in flight for days', { ...OPEN, events: 10, changedAt: NOW - 50 * HOUR }, STACK, 'stuck'],
    ['has parked events', { ...OPEN, events: 10, delivered: 4, parked: 6 }, STACK, 'uploading'],
    ['has dead events, and others in flight', { ...OPEN, events: 10, dead: 6 }, STACK, 'uploading'],
    ['has dead events, and nothing else to do', { ...OPEN, events: 10, delivered: 4, dead: 6 }, STACK, 'stuck'],
    ['has dead events, and its import is over', { ...OPEN, events: 10, delivered: 4, dead: 6 }, STOPPED, 'stuck'],
    ['lacks its receipt', { ...OPEN, events: 10, delivered: 10 }, STACK, 'closing'],
    ['is delivered', { state: 'closed', events: 10, delivered: 10 }, STACK, 'complete'],
    ['was delivered long ago, by an import that is over', { state: 'closed', changedAt: 1 }, STOPPED, 'complete'],
    ['has unusable records', { state: 'closed', unusable: 2 }, STACK, 'complete with rejects'],
    ['has refused events', { state: 'closed', events: 2, refused: 2 }, STACK, 'complete with rejects'],
    ['was cut off', { state: 'closed', failure: 'gzip ends early' }, STACK, 'failed'],
    [
      'was given up while it was read',
      { state: 'reading', changedAt: NOW },
      { ...STACK, givenUp: new Map([[viewOfDump({}).entry.dumpId, 'why']]) },
      'given up',
    ],
    [
      'was given up once, and is complete by now',
      { state: 'closed' },
      { ...STACK, givenUp: new Map([[viewOfDump({}).entry.dumpId, 'why']]) },
      'complete',
    ],
  ])('that %s', (_, of, situation, state) => {
    expect(statusOf(viewOfDump(of), situation).state).toBe(state);
  });
});

const ID = viewOfDump({}).entry.dumpId;

test.each<[string, Parameters<typeof viewOfDump>[0], Situation, string, string | undefined]>([
  [
    'dead events: why, and the replay that takes them',
    { ...OPEN, events: 10, delivered: 4, dead: 6, lastFailure: 'HTTP 400: Invalid API key' },
    STACK,
    '6 events are dead: HTTP 400: Invalid API key',
    `s3-to-amplitude replay --dump ${ID} --stack S3`,
  ],
  [
    'on one machine the replay must say where to',
    { ...OPEN, events: 10, dead: 10 },
    HERE,
    '10 events are dead: no reason was noted',
    `s3-to-amplitude replay --dump ${ID} [--live]`,
  ],
  ['rejects', { state: 'closed', unusable: 3 }, STACK, '3 rejects', `s3-to-amplitude rejects ${ID} --stack S3`],
  [
    'a cut file',
    { state: 'closed', failure: 'gzip ends early' },
    STACK,
    'it could not be read to its end: gzip ends early',
    'aws s3 cp <the whole file> s3://landing/days/2026-11-20.ndjson',
  ],
  [
    'an import that was stopped',
    { state: 'reading', bucket: 'file', key: "/dumps/it's.ndjson" },
    STOPPED,
    'no import is at work here; the command that began it goes on',
    `s3-to-amplitude import [--live] '/dumps/it'\\''s.ndjson'`,
  ],
  [
    'silence',
    { ...OPEN, events: 10, changedAt: NOW - 7 * HOUR },
    STACK,
    'nothing of it has moved for 7 h 0 min',
    's3-to-amplitude dlq --stack S3',
  ],
  [
    'parked events',
    { ...OPEN, events: 10, parked: 10 },
    STACK,
    '10 events are parked: Amplitude throttles their devices or users; tried again for a day',
    undefined,
  ],
  [
    'tries in vain',
    { ...OPEN, events: 10, tries: { 0: 12, 1: 2, 2: 30 }, settled: ['2'] },
    STACK,
    '1 chunk tried up to 12 times in vain, and tried again',
    undefined,
  ],
  [
    'an amendment',
    { state: 'closed', amending: true },
    STACK,
    'its rejects are being run again, or that was stopped',
    `s3-to-amplitude replay --rejects ${ID} --stack S3`,
  ],
  [
    'a dump that waits for the next day',
    { state: 'reading' },
    BRAKED,
    `it waits for the budget of the next day: source web has sent its 1,000 events of this one (eventsPerDay); it goes on by itself from ${new Date(NOW + 60_000).toISOString()}`,
    undefined,
  ],
])('what is said of %s', (_, of, situation, why, mend) => {
  const { notes } = statusOf(viewOfDump(of), situation);
  expect(notes).toContainEqual(mend === undefined ? { why } : { why, mend });
});

test.each<[string, Parameters<typeof viewOfDump>[0], number]>([
  ['once the next day has begun', { state: 'reading' }, NOW + 60_000],
  ['of a dump that is read', { state: 'read' }, NOW],
])('nothing is said of a budget %s', (_, of, now) => {
  const { notes } = statusOf(viewOfDump({ ...of, changedAt: now }), { ...BRAKED, now });
  expect(notes.filter(({ why }) => why.includes('budget'))).toEqual([]);
});

test('a dump that went well has nothing to be said of it', () => {
  expect(statusOf(viewOfDump({ state: 'closed', events: 3, delivered: 3 }), STACK).notes).toEqual([]);
});

test('a dump that failed does not count any more when a newer object of its name was dropped', () => {
  const first = statusOf(viewOfDump({ state: 'closed', failure: 'cut', etag: 'first', startedAt: 1 }), STACK);
  const second = statusOf(viewOfDump({ state: 'closed', etag: 'second', startedAt: 2 }), STACK);
  const other = statusOf(viewOfDump({ state: 'closed', failure: 'cut', key: 'other', startedAt: 0 }), STACK);
  const marked = markSuperseded([second, first, other]);
  expect(marked.map(({ state }) => state)).toEqual(['complete', 'superseded', 'failed']);
  expect(marked[1]?.notes[0]?.why).toBe(`a newer object of its name was dropped: ${second.dumpId}`);
  expect(marked.map((status) => outcomeOf(status))).toEqual(['complete', undefined, 'needs a hand']);
  expect(markSuperseded([first]).map(({ state }) => state)).toEqual(['failed']);
});

test.each([
  [{ count: 0 }, 'needs a hand'],
  [{ count: 4 }, 'needs a hand'],
  [{ count: 5 }, 'complete'],
  [{ share: 0.049 }, 'needs a hand'],
  [{ share: 0.05 }, 'complete'],
])('5 rejects of 100 records, where %j are allowed: %s', (allowed, outcome) => {
  const status = statusOf(viewOfDump({ state: 'closed', events: 95, delivered: 95, unusable: 5 }), STACK);
  expect(outcomeOf(status, allowed)).toBe(outcome);
});

test('allowed rejects do not hide that something is dead', () => {
  const status = statusOf(viewOfDump({ ...OPEN, events: 10, dead: 10, unusable: 1 }), STACK);
  expect(outcomeOf(status, { share: 1 })).toBe('needs a hand');
});

test.each([
  ['a-b/c.d:1', 'a-b/c.d:1'],
  ['two words', "'two words'"],
  ["it's $HOME", `'it'\\''s $HOME'`],
  ['', "''"],
])('%j is one word for a shell', (text, word) => {
  expect(shellWord(text)).toBe(word);
});

const LOOK: TableLook = { style: (_, text) => text, now: NOW, allowed: { count: 0 }, limit: 10 };

const MONDAY = statusOf(
  viewOfDump({ state: 'closed', key: 'monday.ndjson', events: 2_000, delivered: 2_000, startedAt: NOW - 48 * HOUR }),
  STACK,
);
const TUESDAY = statusOf(
  viewOfDump({ ...OPEN, key: 'tuesday.ndjson', events: 1_000, delivered: 600, parked: 100, startedAt: NOW - 600_000 }),
  STACK,
);
const DEAD = statusOf(
  viewOfDump({ ...OPEN, key: 'dead.ndjson', events: 10, delivered: 4, dead: 6, startedAt: NOW - 30_000 }),
  STACK,
);

test('a table has what needs a hand first, no column without a number, and the command that mends below', () => {
  expect(formatTable([MONDAY, TUESDAY, DEAD], LOOK).join('\n')).toBe(
    `dump            state      progress           read  events  delivered  in flight  parked  dead         age
dead.ndjson     stuck      ████░░░░░░  40 %     10      10          4          0       0     6        30 s
    6 events are dead: no reason was noted
      s3-to-amplitude replay --dump ${DEAD.dumpId} --stack S3
tuesday.ndjson  uploading  ██████▒▒▒▒  60 %  1,000   1,000        600        300     100     0  10 min 0 s
    100 events are parked: Amplitude throttles their devices or users; tried again for a day
monday.ndjson   complete   ██████████ 100 %  2,000   2,000      2,000          0       0     0     2 d 0 h
3 dumps: 1 complete, 1 uploading, 1 stuck; 1 needs a hand`,
  );
});

test('on a narrow terminal a name loses its beginning, and what does not fit the limit is counted', () => {
  const long = statusOf(
    viewOfDump({ state: 'closed', key: `incoming/${'clicks/'.repeat(20)}2026-11-20.ndjson` }),
    STACK,
  );
  const lines = formatTable([long, MONDAY], { ...LOOK, width: 90, limit: 1 });
  expect(lines[1]).toMatch(/^….*2026-11-20\.ndjson {2}complete {2}/);
  expect(lines[1]?.length).toBeLessThanOrEqual(90);
  expect(lines.slice(2)).toEqual(['… and 1 more (--limit)', '2 dumps: 2 complete']);
});

test('a key that would steer the terminal is shown as it is written', () => {
  const evil = statusOf(viewOfDump({ state: 'closed', key: 'a\u001b[2Jb\n' }), STACK);
  expect(formatTable([evil], LOOK).join('\n')).toContain('a\\u001b[2Jb\\n');
  expect(changeLine(evil)).toContain('a\\u001b[2Jb\\n');
  expect(formatDetail(evil, (key) => key, LOOK).join('')).not.toContain('\u001b');
});

test('100 % is said only of all, and while a dump is read nobody says how much of it is done', () => {
  const nearly = statusOf(viewOfDump({ ...OPEN, events: 100_000, delivered: 99_999 }), STACK);
  expect(formatTable([nearly], LOOK)[1]).toContain('█████████▒  99 %');
  expect(progressOf(nearly)).toBeLessThan(1);
  const reading = statusOf(viewOfDump({ state: 'reading', events: 10, delivered: 10, changedAt: NOW }), STACK);
  expect(formatTable([reading], LOOK)[1]).toContain('██████████    +');
});

test('piped, a dump is one line that tells all that may change', () => {
  expect(changeLine(TUESDAY)).toBe(
    'tuesday.ndjson  uploading: 1,000 read, 600 of 1,000 delivered, 300 in flight, 100 parked',
  );
  expect(changeLine(DEAD)).toBe(
    `dead.ndjson  stuck: 10 read, 4 of 10 delivered, 6 dead; 6 events are dead: no reason was noted: s3-to-amplitude replay --dump ${DEAD.dumpId} --stack S3`,
  );
});

test('one dump in full says what its open segments wait for', () => {
  const view = viewOfDump({
    ...OPEN,
    events: 10,
    delivered: 4,
    dead: 6,
    lastFailure: 'HTTP 503',
    startedAt: NOW - HOUR,
  });
  expect(formatDetail(statusOf(view, STACK), (key) => `s3://results/${key}`, LOOK).join('\n')).toBe(
    `days/2026-11-20.ndjson  stuck  ████░░░░░░  40 %
  dump      ${ID}  s3://landing/days/2026-11-20.ndjson
  source    web, run 1; 1,000 bytes
  begun     2026-11-21T05:00:00.000Z (1 h 0 min ago)
  last step 2026-11-21T05:59:59.000Z (1 s ago)
  records   10 read = 10 mapped + 0 filtered + 0 unusable
  events    10 = 4 delivered + 0 refused + 0 parked + 6 dead + 0 in flight
  uploads   3 chunks in 0 requests
  segments  1, of which 0 are complete
          0  10 records, 10 events, 0 of 3 chunks settled, 6 events dead, HTTP 503 at 1970-01-01T00:00:00.005Z
    6 events are dead: HTTP 503
      s3-to-amplitude replay --dump ${ID} --stack S3`,
  );
});

test('for a machine a dump is one line of JSON, with its segments when it is the only one', () => {
  const look = { allowed: { count: 0 }, isDetailed: true };
  const line = statusJson(MONDAY, (key) => key, look);
  expect(line).not.toContain('\n');
  expect(JSON.parse(line)).toMatchObject({
    dump: 's3://landing/monday.ndjson',
    state: 'complete',
    outcome: 'complete',
    progress: 1,
    read: 2_000,
    delivered: 2_000,
    rejected: 0,
    receiptAt: expect.stringMatching(/^receipts\/monday/),
    segments: [{ number: 0, chunks: 3, isComplete: false }],
  });
  expect(JSON.parse(statusJson(MONDAY, (key) => key, { ...look, isDetailed: false }))).not.toHaveProperty('segments');
});
