/** Verdicts, and the answers they are about, as a table has them. */
import type { Verdict } from '../../../lambdas/uploader/read-verdict.ts';

/** Letters only, so that nothing in it looks like a value. */
export const KEY = 'fedcbabcdefabcdeffedcbabcdefabcd';
export const HTML = '<html><head><title>403 Forbidden</title></head><body>nginx</body></html>';

export const DELIVERED: Verdict = { kind: 'delivered' };
export const TOO_LARGE: Verdict = { kind: 'too-large' };
export const notNow = (reason: string): Verdict => ({ kind: 'not-now', reason });
export const refused = (reason: string): Verdict => ({ kind: 'refused', reason });
export const judged = (reason: string): Verdict => ({ kind: 'unexplained', isJudged: true, reason });
export const guessed = (reason: string): Verdict => ({ kind: 'unexplained', isJudged: false, reason });

type Who = { indexes?: number[]; devices?: string[]; users?: string[] };
const who = ({ indexes = [], devices = [], users = [] }: Who = {}) => ({
  indexes: new Set(indexes),
  devices: new Set(devices),
  users: new Set(users),
});
export const named = (some: {
  invalid?: Record<number, string>;
  silenced?: Who;
  throttled?: Who;
  overQuota?: Who;
}): Verdict => ({
  kind: 'named',
  invalid: new Map(
    Object.entries(some.invalid ?? {}).map(([index, reason]) => [Number(index), `Amplitude: ${reason}`]),
  ),
  silenced: who(some.silenced),
  throttled: who(some.throttled),
  overQuota: who(some.overQuota),
});

export type Row = readonly [what: string, status: number, body: unknown, verdict: Verdict];
