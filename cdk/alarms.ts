/** The alarms: what wakes somebody, each with its section in docs/runbook.md, which says what to type then. */
import { Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { deadOn, type Figure, metricOf, onQueue, sum, type Watched } from './figure.ts';

export type AlarmDefinition = {
  /** Ends the alarm's name, and is the anchor of its section in the runbook. */
  readonly name: string;
  /** What is so when it rings, in a sentence. */
  readonly means: string;
  readonly figure: Figure;
  /** It rings when the figure is at least this … */
  readonly atLeast: number;
  readonly periodMinutes: number;
  /** … in so many periods, one after the other. */
  readonly periods: number;
  /**
   * There is one only where there is such a thing: a rule that brings notifications, a source that expects files.
   * @default always
   */
  readonly only?: 'rule' | 'isExpecting';
};

const age: Figure = { queue: 'upload', metric: 'ApproximateAgeOfOldestMessage', statistic: 'Maximum' };

/** Sent chunks and settled messages: whatever shows that an import goes on. */
const steps: Readonly<Record<string, Figure>> = {
  sent: { queue: 'upload', metric: 'NumberOfMessagesSent', statistic: 'Sum' },
  settled: { queue: 'upload', metric: 'NumberOfMessagesDeleted', statistic: 'Sum' },
  taken: { queue: 'intake', metric: 'NumberOfMessagesDeleted', statistic: 'Sum' },
};

function ofAll(metric: 'Errors' | 'RecursiveInvocationsDropped'): Figure {
  return {
    math: 'SUM([chunker, uploader, watcher])',
    of: {
      chunker: { stage: 'chunker', metric, statistic: 'Sum' },
      uploader: { stage: 'uploader', metric, statistic: 'Sum' },
      watcher: { stage: 'watcher', metric, statistic: 'Sum' },
    },
  };
}

export const ALARMS: readonly AlarmDefinition[] = [
  {
    name: 'dead-chunks',
    means: 'Chunks of events were given up and rest in the dead-letter queue of uploads.',
    figure: deadOn('upload'),
    atLeast: 1,
    periodMinutes: 5,
    periods: 1,
  },
  {
    name: 'dead-parked-events',
    means: 'Events that Amplitude throttled for more than a day rest in the dead-letter queue of parked events.',
    figure: deadOn('parked'),
    atLeast: 1,
    periodMinutes: 5,
    periods: 1,
  },
  {
    name: 'dead-dumps',
    means: 'Dumps could not be read at all and rest in the dead-letter queue of the intake.',
    figure: deadOn('intake'),
    atLeast: 1,
    periodMinutes: 5,
    periods: 1,
  },
  {
    name: 'dump-failed',
    means: 'A dump is damaged, cut off or gone: what could be read of it is imported, the rest is missing.',
    figure: sum('DumpsFailed'),
    atLeast: 1,
    periodMinutes: 5,
    periods: 1,
  },
  {
    name: 'uploads-failing',
    means: 'More than half of the requests to Amplitude failed for a quarter of an hour.',
    figure: {
      math: '100 * failed / requests',
      of: { requests: sum('Requests'), failed: sum('RequestsFailed') },
    },
    atLeast: 50,
    periodMinutes: 5,
    periods: 3,
  },
  {
    name: 'oldest-chunk',
    means: 'A chunk has waited for two hours to be uploaded; after about four hours of trying in vain it is dead.',
    figure: age,
    atLeast: 2 * 3_600,
    periodMinutes: 5,
    periods: 3,
  },
  {
    name: 'throttling-growing',
    means: 'For three hours more events were parked than left the parked queue.',
    figure: { math: 'DIFF(parked)', of: { parked: onQueue('parked') } },
    atLeast: 1,
    periodMinutes: 60,
    periods: 3,
  },
  {
    name: 'dump-stuck',
    means: 'A dump waits to be read, and for an hour no chunk was sent, none settled and no dump finished.',
    figure: {
      math: 'IF(waiting > 0 && SUM([sent, settled, taken]) < 1, 1, 0)',
      of: { waiting: onQueue('intake'), ...steps },
    },
    atLeast: 1,
    periodMinutes: 15,
    periods: 4,
  },
  {
    name: 'dump-still',
    means:
      'Of a dump under way nothing has moved for six hours: a message of it is lost, or nobody is left to take it.',
    figure: { metric: 'DumpStillSeconds', statistic: 'Maximum' },
    atLeast: 6 * 3_600,
    periodMinutes: 30,
    periods: 1,
  },
  {
    name: 'daily-file',
    means: 'A source expects a file every day, and the last one is not there or not complete by its time.',
    figure: {
      math: 'SUM([missing, late])',
      of: {
        missing: { metric: 'FilesMissing', statistic: 'Maximum' },
        late: { metric: 'FilesLate', statistic: 'Maximum' },
      },
    },
    atLeast: 1,
    periodMinutes: 30,
    periods: 1,
    only: 'isExpecting',
  },
  {
    name: 'notifications-failing',
    means: 'EventBridge could not tell the importer of dumps that were dropped into your bucket.',
    figure: { rule: true, metric: 'FailedInvocations', statistic: 'Sum' },
    atLeast: 1,
    periodMinutes: 5,
    periods: 1,
    only: 'rule',
  },
  {
    name: 'rejects',
    means: 'Of what was settled in an hour at least 5 % were rejects.',
    figure: {
      math: '100 * rejected / SUM([rejected, delivered])',
      of: { rejected: sum('Rejected'), delivered: sum('EventsDelivered') },
    },
    atLeast: 5,
    periodMinutes: 60,
    periods: 1,
  },
  {
    name: 'functions-crash',
    means:
      'Functions broke off at least three times in an hour, by an error nobody caught, for lack of memory or of time.',
    figure: ofAll('Errors'),
    atLeast: 3,
    periodMinutes: 60,
    periods: 1,
  },
  {
    name: 'recursion-drops',
    means: 'Lambda took messages that come back for an endless loop, and dropped them.',
    figure: ofAll('RecursiveInvocationsDropped'),
    atLeast: 1,
    periodMinutes: 5,
    periods: 1,
  },
];

/** Where an alarm's section stands. */
export function runbookSection({ name }: Pick<AlarmDefinition, 'name'>): string {
  return `docs/runbook.md#${name}`;
}

export class Alarms extends Construct {
  readonly all: readonly Alarm[];

  constructor(scope: Construct, id: string, watched: Watched, topic?: ITopic) {
    super(scope, id);
    const wanted = ALARMS.filter(({ only }) => only === undefined || watched[only]);
    this.all = wanted.map((definition) => {
      const { name, means, figure, atLeast, periodMinutes, periods } = definition;
      const alarm = new Alarm(this, name, {
        alarmName: `${watched.name}-${name}`,
        alarmDescription: `${means} What to do: ${runbookSection(definition)}`,
        metric: metricOf(figure, watched, Duration.minutes(periodMinutes), name),
        threshold: atLeast,
        evaluationPeriods: periods,
        comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        // An empty queue and an idle function say nothing, which is good.
        treatMissingData: TreatMissingData.NOT_BREACHING,
      });
      if (topic) {
        alarm.addAlarmAction(new SnsAction(topic));
        alarm.addOkAction(new SnsAction(topic));
      }
      return alarm;
    });
  }
}
