/** What a function writes for CloudWatch, as CloudWatch reads it. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { openTelemetry } from '../../../shared/aws/telemetry.ts';
import { METRICS, METRICS_NAMESPACE, STACK_DIMENSION } from '../../../shared/metrics.ts';

/** What is written to standard output from now on. */
function capture(): string[] {
  const lines: string[] = [];
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    lines.push(String(text));
    return true;
  });
  onTestFinished(() => spy.mockRestore());
  return lines;
}

const read = (line: string | undefined) => JSON.parse(line ?? '') as Record<string, unknown>;

test('what was measured in an invocation is one line of metrics of the stack, and nothing when nothing was', async () => {
  const lines = capture();
  const { invocation, measure } = openTelemetry('uploader', 'Importer');
  await invocation('first', async () => {
    measure({ Requests: 1, ChunkAge: 2.5 });
    measure({ Requests: 1 });
  });
  await invocation('second', async () => undefined);
  expect(lines).toHaveLength(1);
  const { _aws, ...values } = read(lines[0]);
  expect(values).toEqual({ [STACK_DIMENSION]: 'Importer', Requests: [1, 1], ChunkAge: 2.5 });
  const metrics = [
    { Name: 'Requests', Unit: 'Count' },
    { Name: 'ChunkAge', Unit: 'Seconds' },
  ];
  expect(_aws).toMatchObject({
    CloudWatchMetrics: [{ Namespace: METRICS_NAMESPACE, Dimensions: [[STACK_DIMENSION]], Metrics: metrics }],
  });
});

test('an invocation that fails writes what it measured all the same', async () => {
  const lines = capture();
  const { invocation, measure } = openTelemetry('chunker', 'Importer');
  const failing = invocation('first', async () => {
    measure({ DumpsTriedAgain: 1 });
    throw new Error('the sandbox is broken');
  });
  await expect(failing).rejects.toThrow('the sandbox is broken');
  expect(lines.map(read)).toMatchObject([{ DumpsTriedAgain: 1 }]);
});

test('a line of the log is JSON with its level, its stage and the invocation it belongs to', async () => {
  const lines = capture();
  const { invocation, log } = openTelemetry('chunker', 'Importer');
  await invocation('one', async () => log('info', 'segment chunked', { dumpId: 'd', read: 2 }));
  await invocation('two', async () => log('info', 'dump chunked', { error: 'no stack' }));
  expect(lines.map(read)).toMatchObject([
    { level: 'INFO', service: 'chunker', requestId: 'one', message: 'segment chunked', dumpId: 'd', read: 2 },
    { level: 'INFO', service: 'chunker', requestId: 'two', message: 'dump chunked', error: 'no stack' },
  ]);
});

test('the names of metrics say what they count, in words of the glossary', () => {
  const words = /^(Records|Events|Chunks?|Requests|Dumps?|Files)[A-Z][A-Za-z]+$|^(Requests|Rejected)$/;
  expect(Object.keys(METRICS).filter((name) => !words.test(name))).toEqual([]);
});
