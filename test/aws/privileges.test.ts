/** What the functions may do is what they do, and what they say is nobody's business: an eventful run of the stack as deployed. */
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sumBooks } from '../../shared/books.ts';
import { dumpId } from '../../shared/dump.ts';
import { METRICS_NAMESPACE, type MetricName } from '../../shared/metrics.ts';
import { CANARY, eventfulRun, type EventfulRun } from './eventful-run.ts';
import { comparePrivileges, grantsOf, nameOf, type Policies, withGrant, without } from './privileges.ts';

/** Grants that no function calls for in this run, and why the stack gives them all the same. */
const NOT_CALLED_HERE: readonly (readonly [grant: RegExp, reason: string])[] = [
  [/ logs:(CreateLogStream|PutLogEvents) /, "Lambda itself writes the function's output, with the function's role"],
];

let run: EventfulRun;
let policies: Policies;

beforeAll(async () => {
  run = await eventfulRun();
  ({ policies } = run.stack);
}, 500_000);
afterAll(() => run.stop());

describe('least privilege', () => {
  const isListed = (grant: string) => NOT_CALLED_HERE.some(([pattern]) => pattern.test(grant));

  test('every call that was made is granted', () => {
    expect(comparePrivileges(run.stack.calls(), policies).notGranted).toEqual([]);
  });

  test('every grant is needed by a call, or is listed with its reason', () => {
    expect(comparePrivileges(run.stack.calls(), policies).unused.filter((grant) => !isListed(grant))).toEqual([]);
  });

  test('every line of the list is of a grant that exists and is not called', () => {
    const { unused } = comparePrivileges(run.stack.calls(), policies);
    const stale = NOT_CALLED_HERE.filter(([pattern]) => !unused.some((grant) => pattern.test(grant)));
    expect(stale).toEqual([]);
  });

  test('a grant that is taken away is named by the call that lacks it, whichever it is', () => {
    const taken = grantsOf(policies).filter((grant) => !isListed(nameOf(grant)));
    expect(taken.length).toBeGreaterThan(25);
    const unnamed = taken.filter((grant) => {
      const { notGranted } = comparePrivileges(run.stack.calls(), without(policies, grant));
      return !notGranted.some((call) => call.startsWith(`${grant.caller} ${grant.action} `));
    });
    expect(unnamed).toEqual([]);
  });

  test('a grant too many is named, be it another action, another resource or another function', () => {
    const [grant] = grantsOf(policies).filter(({ action }) => action === 's3:GetObject');
    if (!grant) throw new Error('expected a function that reads objects');
    const other = [...policies.keys()].find((name) => name !== grant.caller) ?? '';
    const tooMany = [
      { ...grant, action: 's3:DeleteObject' },
      { ...grant, resource: 'arn:aws:s3:::another-bucket/*' },
      { ...grant, caller: other },
    ];
    for (const extra of tooMany) {
      const { unused } = comparePrivileges(run.stack.calls(), withGrant(policies, extra));
      expect(unused).toContain(nameOf(extra));
    }
  });
});

describe('what is written', () => {
  const isPrivate = (line: string) => line.toLowerCase().includes(CANARY.toLowerCase());

  test('no line of a function holds anything of an event, an id of it or a key', () => {
    const lines = run.stack.log();
    const said = (message: string) => lines.some((line) => line.includes(`"message":"${message}`));
    const units = ['segment chunked', 'dump chunked', 'dump completed', 'dump is tried again', 'chunk settled'];
    const watched = ['dump is asked for once more', 'landing bucket watched', 'daily file is'];
    for (const message of [...units, 'chunk wait', 'chunk dead', 'chunk is tried again', ...watched]) {
      expect(said(message), message).toBe(true);
    }
    expect(lines.filter(isPrivate)).toEqual([]);
  });

  test('nor does an announcement', () => {
    expect(run.stack.announced.length).toBeGreaterThan(3);
    expect(run.stack.announced.map((receipt) => JSON.stringify(receipt)).filter(isPrivate)).toEqual([]);
  });

  test('rejects do, as they must', async () => {
    const keys = await run.stack.results.list('rejects/');
    const files = await Promise.all(keys.map((key) => run.stack.results.get(key)));
    expect(files.filter((file) => file && isPrivate(gunzipSync(file).toString())).length).toBeGreaterThan(2);
  });

  test('every line is JSON with a level and a message, or metrics', () => {
    const isUnit = ({ level, message }: Line) => typeof level === 'string' && typeof message === 'string';
    const lines = run.stack.log().map((line) => JSON.parse(line) as Line);
    expect(lines.filter((line) => !isUnit(line) && !line._aws)).toEqual([]);
  });

  test('the metrics add up to the books', async () => {
    const segments = await Promise.all(
      run.dumps.map((dump) => run.stack.ledger.segments({ dumpId: dumpId(dump), run: 1 })),
    );
    const { read, events, delivered, chunks, unusable, refused } = sumBooks(segments.flat());
    const measured = { RecordsRead: read, EventsMade: events, EventsDelivered: delivered, ChunksSent: chunks };
    expect(sumsOfMetrics()).toMatchObject({ ...measured, Rejected: unusable + refused, ChunksDead: 1, EventsDead: 2 });
  });
});

type Line = Readonly<Partial<Record<MetricName | 'level' | 'message', unknown>>> & {
  readonly _aws?: { readonly CloudWatchMetrics: readonly Metrics[] };
};
type Metrics = { readonly Namespace: string; readonly Metrics: readonly { readonly Name: MetricName }[] };

function sumsOfMetrics(): Partial<Record<MetricName, number>> {
  const sums: Partial<Record<MetricName, number>> = {};
  for (const line of run.stack.log().map((text) => JSON.parse(text) as Line)) {
    for (const { Namespace, Metrics } of line._aws?.CloudWatchMetrics ?? []) {
      expect(Namespace).toBe(METRICS_NAMESPACE);
      for (const { Name } of Metrics) {
        const values = [line[Name]].flat().map(Number);
        sums[Name] = values.reduce((sum, value) => sum + value, sums[Name] ?? 0);
      }
    }
  }
  return sums;
}
