/** The queues of the stack: what would lose a message or hold up a lane. */
import { describe, expect, test } from 'vitest';
import { INTAKE_MAX_RECEIVES } from '../../lambdas/chunker/intake-back-off.ts';
import { PARKED_MAX_TRIES } from '../../lambdas/uploader/back-off.ts';
import {
  deniesPlainHttp,
  type FunctionProperties,
  MAPPING,
  type MappingProperties,
  type PolicyProperties,
  propertiesOf,
  type QueueProperties,
  templateOf,
} from './stack-template.ts';

const template = templateOf();

describe('queues', () => {
  const queues = propertiesOf<QueueProperties>(template, 'AWS::SQS::Queue');
  const pairs = queues.flatMap((queue) => {
    const deadLetters = queues.find(({ id }) => id === queue.RedrivePolicy?.deadLetterTargetArn['Fn::GetAtt'][0]);
    return deadLetters ? [{ queue, deadLetters }] : [];
  });
  const [intake, upload, parked] = ['intake', 'upload.fifo', 'parked'].map((name) =>
    queues.find(({ QueueName }) => QueueName === `Test-${name}`),
  );

  test('are three, each with its dead letters of the same type', () => {
    expect(pairs).toHaveLength(3);
    for (const { queue, deadLetters } of pairs) {
      expect(deadLetters.FifoQueue).toBe(queue.FifoQueue);
      expect(deadLetters.RedrivePolicy).toBeUndefined();
    }
  });

  test('let only their own queue send to their dead letters', () => {
    for (const { queue, deadLetters } of pairs) {
      const { redrivePermission, sourceQueueArns } = deadLetters.RedriveAllowPolicy ?? {};
      expect(redrivePermission).toBe('byQueue');
      expect(JSON.stringify(sourceQueueArns)).toContain(`:${queue.QueueName}"`);
    }
  });

  test('keep dead letters for two weeks, and on a standard queue leave days of them', () => {
    const day = 86_400;
    for (const { queue, deadLetters } of pairs) {
      expect(deadLetters.MessageRetentionPeriod).toBe(14 * day);
      expect(queue.MessageRetentionPeriod).toBe((queue.FifoQueue ? 14 : 10) * day);
    }
  });

  test('are encrypted and refuse what is not sent over TLS', () => {
    expect(queues.every(({ SqsManagedSseEnabled }) => SqsManagedSseEnabled)).toBe(true);
    const guarded = propertiesOf<PolicyProperties>(template, 'AWS::SQS::QueuePolicy').filter(deniesPlainHttp);
    expect(guarded).toHaveLength(queues.length);
  });

  test('move a message by themselves only after our own code would have given it up', () => {
    expect(intake?.RedrivePolicy?.maxReceiveCount).toBe(INTAKE_MAX_RECEIVES + 1);
    expect(upload?.RedrivePolicy?.maxReceiveCount).toBe(600);
    expect(parked?.RedrivePolicy?.maxReceiveCount).toBe(PARKED_MAX_TRIES + 50);
  });

  test('never ask SQS for more receives than the 1,000 it takes', () => {
    const patient = propertiesOf<QueueProperties>(templateOf({ maxTries: 90 }), 'AWS::SQS::Queue');
    expect(Math.max(...patient.map(({ RedrivePolicy }) => RedrivePolicy?.maxReceiveCount ?? 0))).toBe(1_000);
  });

  test('are FIFO for lanes only, with the quota and the deduplication of each group', () => {
    expect(upload).toMatchObject({ DeduplicationScope: 'messageGroup', FifoThroughputLimit: 'perMessageGroupId' });
    expect(upload?.FifoQueue).toBe(true);
    expect(intake?.FifoQueue ?? parked?.FifoQueue).toBeUndefined();
  });

  test.each([1_000, 60_000, 120_000])('hide a message for longer than its function runs (requests of %i ms)', (ms) => {
    const stack = templateOf({ requestTimeoutMs: ms });
    const timeouts = new Map(
      propertiesOf<FunctionProperties>(stack, 'AWS::Lambda::Function').map((f) => [f.id, f.Timeout]),
    );
    const visible = new Map(
      propertiesOf<QueueProperties>(stack, 'AWS::SQS::Queue').map((q) => [q.id, q.VisibilityTimeout]),
    );
    for (const { EventSourceArn, FunctionName } of propertiesOf<MappingProperties>(stack, MAPPING)) {
      const timeout = timeouts.get(FunctionName.Ref) ?? Number.NaN;
      expect(timeout).toBeLessThanOrEqual(900);
      expect(visible.get(EventSourceArn['Fn::GetAtt'][0])).toBeGreaterThan(timeout);
    }
  });
});

describe('event sources', () => {
  test('report failures, and are as many as the configuration says; only lanes come several messages at a time', () => {
    const stack = templateOf({ uploaders: 5 });
    const mappings = propertiesOf<MappingProperties>(stack, MAPPING);
    const common = { FunctionResponseTypes: ['ReportBatchItemFailures'] };
    expect(mappings).toMatchObject([
      { ...common, BatchSize: 1, ScalingConfig: { MaximumConcurrency: 2 } },
      { ...common, BatchSize: 10, ScalingConfig: { MaximumConcurrency: 5 } },
      { ...common, BatchSize: 1, ScalingConfig: { MaximumConcurrency: 2 } },
    ]);
  });
});
