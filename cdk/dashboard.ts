/** The dashboard: what came in, what is in flight, what is delivered, rejected, parked and dead, and how old it is. */
import { Duration } from 'aws-cdk-lib';
import {
  type Alarm,
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type IMetric,
  type IWidget,
  SingleValueWidget,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import { deadOn, type Figure, metricOf, onQueue, type QueueId, sum, type Watched } from './figure.ts';

export type WidgetDefinition = {
  readonly title: string;
  /** `total`: one number for the time that the dashboard shows; `now`: the latest one; `graph`: over time. */
  readonly as: 'total' | 'now' | 'graph';
  /** By their labels. */
  readonly figures: Readonly<Record<string, Figure>>;
};

function ageOf(queue: QueueId): Figure {
  return { queue, metric: 'ApproximateAgeOfOldestMessage', statistic: 'Maximum' };
}

/** Rows of widgets, top to bottom; those of a row share its width. */
export const DASHBOARD: readonly (readonly WidgetDefinition[])[] = [
  [
    {
      title: 'Came in',
      as: 'total',
      figures: { 'dumps read': sum('DumpsRead'), records: sum('RecordsRead'), events: sum('EventsMade') },
    },
    {
      title: 'What became of it',
      as: 'total',
      figures: {
        delivered: sum('EventsDelivered'),
        rejected: sum('Rejected'),
        filtered: sum('RecordsFiltered'),
        parked: sum('EventsParked'),
        dead: sum('EventsDead'),
      },
    },
    {
      title: 'Dumps closed',
      as: 'total',
      figures: { completed: sum('DumpsCompleted'), failed: sum('DumpsFailed'), 'asked for anew': sum('DumpsRedriven') },
    },
  ],
  [
    {
      title: 'In flight: messages',
      as: 'now',
      figures: { 'dumps to read': onQueue('intake'), chunks: onQueue('upload'), parked: onQueue('parked') },
    },
    {
      title: 'Dead: messages',
      as: 'now',
      figures: { dumps: deadOn('intake'), chunks: deadOn('upload'), parked: deadOn('parked') },
    },
    {
      title: 'How old: the oldest message, s',
      as: 'now',
      figures: { 'dumps to read': ageOf('intake'), chunks: ageOf('upload'), parked: ageOf('parked') },
    },
  ],
  [
    {
      title: 'Events',
      as: 'graph',
      figures: {
        made: sum('EventsMade'),
        delivered: sum('EventsDelivered'),
        rejected: sum('Rejected'),
        parked: sum('EventsParked'),
        dead: sum('EventsDead'),
      },
    },
    {
      title: 'In flight',
      as: 'graph',
      figures: { 'dumps to read': onQueue('intake'), chunks: onQueue('upload'), parked: onQueue('parked') },
    },
    {
      title: 'The oldest message, s',
      as: 'graph',
      figures: { 'dumps to read': ageOf('intake'), chunks: ageOf('upload'), parked: ageOf('parked') },
    },
  ],
  [
    {
      title: 'Requests to Amplitude',
      as: 'graph',
      figures: { all: sum('Requests'), throttled: sum('RequestsThrottled'), failed: sum('RequestsFailed') },
    },
    {
      title: 'Tries in vain',
      as: 'graph',
      figures: { dumps: sum('DumpsTriedAgain'), chunks: sum('ChunksTriedAgain') },
    },
    {
      title: 'Functions',
      as: 'graph',
      figures: {
        chunkers: { stage: 'chunker', metric: 'ConcurrentExecutions', statistic: 'Maximum' },
        uploaders: { stage: 'uploader', metric: 'ConcurrentExecutions', statistic: 'Maximum' },
        'watcher crashed': { stage: 'watcher', metric: 'Errors', statistic: 'Sum' },
        'chunker crashed': { stage: 'chunker', metric: 'Errors', statistic: 'Sum' },
        'uploader crashed': { stage: 'uploader', metric: 'Errors', statistic: 'Sum' },
        'chunker held up by the account': { stage: 'chunker', metric: 'Throttles', statistic: 'Sum' },
        'uploader held up by the account': { stage: 'uploader', metric: 'Throttles', statistic: 'Sum' },
      },
    },
  ],
];

/** After the importer's name. */
export const HEADLINE =
  'imports dumps from S3 into Amplitude. Words: docs/how-it-works.md. What to do when an alarm rings: docs/runbook.md.';

/** CloudWatch divides a dashboard's width so; heights are in units of their own. */
export const COLUMNS = 24;
export const HEIGHTS = { alarms: 3, text: 1, total: 4, now: 4, graph: 7 };
/** Minutes that a point stands for. */
export const PERIOD_MINUTES = 5;

export class ImporterDashboard extends Construct {
  constructor(scope: Construct, id: string, watched: Watched, alarms: readonly Alarm[]) {
    super(scope, id);
    const head = [
      new AlarmStatusWidget({ title: 'Alarms', alarms: [...alarms], width: COLUMNS, height: HEIGHTS.alarms }),
      new TextWidget({
        markdown: `**${watched.name}** ${HEADLINE}`,
        width: COLUMNS,
        height: HEIGHTS.text,
      }),
    ];
    const rows = DASHBOARD.map((row) => row.map((definition) => widget(definition, watched, COLUMNS / row.length)));
    new Dashboard(this, 'Dashboard', {
      dashboardName: watched.name,
      defaultInterval: Duration.days(1),
      widgets: [...head.map((each) => [each]), ...rows],
    });
  }
}

function widget({ title, as, figures }: WidgetDefinition, watched: Watched, width: number): IWidget {
  const metrics: IMetric[] = Object.entries(figures).map(([label, figure]) => {
    return metricOf(figure, watched, Duration.minutes(PERIOD_MINUTES), label);
  });
  const common = { title, width, height: HEIGHTS[as] };
  if (as === 'graph') return new GraphWidget({ ...common, left: metrics, leftYAxis: { min: 0 } });
  return new SingleValueWidget({ ...common, metrics, setPeriodToTimeRange: as === 'total' });
}
