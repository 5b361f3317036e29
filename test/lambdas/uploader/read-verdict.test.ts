/** What every answer of Amplitude means: the documented ones, the observed ones, and those of whoever stands before it. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Answer, readVerdict, type Verdict } from '../../../lambdas/uploader/read-verdict.ts';
import * as documented from './documented-answers.ts';
import * as odd from './odd-answers.ts';
import { KEY, notNow } from './verdicts.ts';
import { runs } from '../../runs.ts';

describe.each([
  ['taken', documented.TAKEN],
  ['events that are invalid', documented.INVALID],
  ['silenced devices', documented.SILENCED],
  ['throttled', documented.THROTTLING],
  ['the whole project', documented.WHOLE_PROJECT],
  ['too large', documented.TOO_MUCH],
  ['not Amplitude, or not now', odd.UNAVAILABLE],
  ['HTTP status and code disagree: the worse one counts', odd.DISAGREEING],
  ['bodies of the wrong shape', odd.MISSHAPEN],
])('%s', (_, rows) => {
  test.each(rows)('%s (%i)', (_what, status, body, verdict) => {
    expect(verdictOn(status, body)).toEqual(verdict);
  });
});

test('no answer is not now, with the reason why there is none', () => {
  expect(readVerdict({ kind: 'no-answer', reason: 'no answer: ECONNRESET' }, KEY)).toEqual(
    notNow('no answer: ECONNRESET'),
  );
});

test('how long to wait is passed on, for an answer that says when to try again', () => {
  const answer: Answer = { kind: 'answer', status: 503, body: '', retryAfterMs: 7_000 };
  expect(readVerdict(answer, KEY)).toEqual({ kind: 'not-now', reason: 'HTTP 503', retryAfterMs: 7_000 });
});

test('an answer that names every event of the largest request is read', () => {
  const all = Array.from({ length: 2_000 }, (_, index) => index);
  const fields = { event_type: all, time: all, user_id: all };
  const verdict = verdictOn(400, { code: 400, events_with_missing_fields: fields, events_with_invalid_fields: fields });
  expect(verdict.kind === 'named' && verdict.invalid.size).toBe(2_000);
});

const MAPS = [
  'events_with_invalid_fields',
  'events_with_missing_fields',
  'events_with_invalid_id_lengths',
  'throttled_devices',
  'throttled_users',
  'exceeded_daily_quota_devices',
  'silenced_devices',
  'silenced_events',
  'throttled_events',
  'code',
  'error',
  'missing_field',
];
const indexes = fc.array(fc.oneof(fc.nat(5), fc.constantFrom(-1, 1.5, '2', null)), { maxLength: 4 });
const aboutKey = fc
  .tuple(fc.string({ maxLength: 10 }), fc.constantFrom('Invalid API key: ', 'Key ', ''), fc.string({ maxLength: 10 }))
  .map(([before, what, after]) => `${before}${what}${KEY}${after}`);
const part = fc.oneof(
  indexes,
  fc.dictionary(fc.oneof(fc.string(), fc.constant(KEY)), fc.oneof(indexes, fc.nat(), fc.string())),
  fc.constantFrom(200, 400, 403, 413, 429, 500),
  aboutKey,
  fc.jsonValue(),
);
const body = fc.oneof(
  fc.dictionary(fc.constantFrom(...MAPS), part, { maxKeys: 6 }).map((some) => JSON.stringify(some)),
  fc.json(),
  fc.string(),
  aboutKey,
);
const status = fc.oneof(fc.constantFrom(200, 400, 401, 403, 413, 429, 500, 503), fc.integer({ min: 100, max: 999 }));

test('any status with any text has a verdict, and the key stands in none', () => {
  const property = fc.property(status, body, (anyStatus, text) => {
    const verdict = readVerdict({ kind: 'answer', status: anyStatus, body: text }, KEY);
    const reasons = verdict.kind === 'named' ? [...verdict.invalid.values()] : Object.values(verdict);
    expect(JSON.stringify(reasons)).not.toContain(KEY);
    expect(verdict.kind === 'delivered').toBe(anyStatus >= 200 && anyStatus < 300 && codeIn(text) === 200);
  });
  fc.assert(property, { numRuns: runs(1_500) });
});

function verdictOn(anyStatus: number, anyBody: unknown): Verdict {
  const text = typeof anyBody === 'string' ? anyBody : JSON.stringify(anyBody);
  return readVerdict({ kind: 'answer', status: anyStatus, body: text }, KEY);
}

function codeIn(text: string): unknown {
  try {
    return (JSON.parse(text) as { code?: unknown } | null)?.code;
  } catch {
    return undefined;
  }
}
