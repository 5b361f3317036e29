/** What alarms and dashboard look at, as data: so that the same definitions can also be drawn where there is no CloudWatch. */
import type { Duration } from 'aws-cdk-lib';
import { type IMetric, MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { IRule } from 'aws-cdk-lib/aws-events';
import { METRICS_NAMESPACE, type MetricName, STACK_DIMENSION } from '../shared/metrics.ts';
import type { QueueWithDeadLetters } from './queue-with-dead-letters.ts';
import type { Stage } from './stage.ts';

export type QueueId = 'intake' | 'upload' | 'parked';
export type StageId = 'chunker' | 'uploader' | 'watcher';
type Statistic = 'Sum' | 'Maximum' | 'Average';

/**
 * A metric of a queue, of a function, or of the importer itself (shared/metrics.ts), or what is calculated from several, in
 * CloudWatch's metric math: `SUM` of a list passes over what has no value, where the result of `+` would have none.
 */
export type Figure =
  | { readonly queue: QueueId; readonly dead?: true; readonly metric: QueueMetric; readonly statistic: Statistic }
  | { readonly stage: StageId; readonly metric: FunctionMetric; readonly statistic: Statistic }
  | { readonly metric: MetricName; readonly statistic: Statistic }
  | { readonly rule: true; readonly metric: 'FailedInvocations'; readonly statistic: Statistic }
  | { readonly math: string; readonly of: Readonly<Record<string, Figure>> };

/** Of AWS/SQS. */
export type QueueMetric =
  | 'ApproximateNumberOfMessagesVisible'
  | 'ApproximateNumberOfMessagesNotVisible'
  | 'ApproximateNumberOfMessagesDelayed'
  | 'ApproximateAgeOfOldestMessage'
  | 'NumberOfMessagesSent'
  | 'NumberOfMessagesDeleted';

/** Of AWS/Lambda. */
export type FunctionMetric = 'Errors' | 'Throttles' | 'ConcurrentExecutions' | 'RecursiveInvocationsDropped';

/** What the figures are of. */
export type Watched = {
  /** Value of the dimension of the importer's own metrics. */
  readonly name: string;
  readonly queues: Readonly<Record<QueueId, QueueWithDeadLetters>>;
  readonly stages: Readonly<Record<StageId, Stage>>;
  /** What brings the notifications of an existing bucket, see landing-bucket.ts. */
  readonly rule?: Pick<IRule, 'ruleName'>;
  /** Whether a source expects files. */
  readonly isExpecting: boolean;
};

export function sum(metric: MetricName): Figure {
  return { metric, statistic: 'Sum' };
}

/** Messages that wait, that are being worked on and that are held back: all that is on a queue. */
export function onQueue(queue: QueueId): Figure {
  const names = [
    'ApproximateNumberOfMessagesVisible',
    'ApproximateNumberOfMessagesNotVisible',
    'ApproximateNumberOfMessagesDelayed',
  ] as const;
  // A name stands for one metric in the whole of a graph.
  const parts = names.map((metric, i) => [`${queue}${i}`, { queue, metric, statistic: 'Maximum' }] as const);
  return { math: `SUM([${parts.map(([id]) => id).join(', ')}])`, of: Object.fromEntries(parts) };
}

export function deadOn(queue: QueueId): Figure {
  return { queue, dead: true, metric: 'ApproximateNumberOfMessagesVisible', statistic: 'Maximum' };
}

export function metricOf(figure: Figure, watched: Watched, period: Duration, label?: string): IMetric {
  const common = { period, ...(label && { label }) };
  if ('math' in figure) {
    const parts = Object.entries(figure.of).map(([id, part]) => [id, metricOf(part, watched, period)]);
    return new MathExpression({ ...common, expression: figure.math, usingMetrics: Object.fromEntries(parts) });
  }
  const { metric: metricName, statistic } = figure;
  if ('queue' in figure) {
    const { queue, deadLetters } = watched.queues[figure.queue];
    const dimensionsMap = { QueueName: (figure.dead ? deadLetters : queue).queueName };
    return new Metric({ ...common, namespace: 'AWS/SQS', metricName, statistic, dimensionsMap });
  }
  if ('stage' in figure) {
    const dimensionsMap = { FunctionName: watched.stages[figure.stage].functionName };
    return new Metric({ ...common, namespace: 'AWS/Lambda', metricName, statistic, dimensionsMap });
  }
  if ('rule' in figure) {
    if (!watched.rule) throw new Error(`there is no rule whose ${metricName} could be shown`);
    const dimensionsMap = { RuleName: watched.rule.ruleName };
    return new Metric({ ...common, namespace: 'AWS/Events', metricName, statistic, dimensionsMap });
  }
  const dimensionsMap = { [STACK_DIMENSION]: watched.name };
  return new Metric({ ...common, namespace: METRICS_NAMESPACE, metricName, statistic, dimensionsMap });
}
