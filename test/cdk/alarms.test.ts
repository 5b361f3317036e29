/** Alarms and dashboard: each alarm looks at something that exists, reaches somebody, and says what to do. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ALARMS, runbookSection } from '../../cdk/alarms.ts';
import { METRICS } from '../../shared/metrics.ts';
import { propertiesOf, type QueueProperties, templateOf } from './stack-template.ts';

type MetricStat = {
  readonly Namespace: string;
  readonly MetricName: string;
  readonly Dimensions: readonly { readonly Name: string; readonly Value: unknown }[];
};
type AlarmProperties = {
  readonly AlarmName: string;
  readonly AlarmDescription: string;
  readonly AlarmActions?: readonly unknown[];
  readonly OKActions?: readonly unknown[];
  readonly TreatMissingData: string;
  readonly Metrics?: readonly { readonly Expression?: string; readonly MetricStat?: { readonly Metric: MetricStat } }[];
} & Partial<MetricStat>;

const ROOT = join(import.meta.dirname, '../..');
const RUNBOOK = readFileSync(join(ROOT, 'docs/runbook.md'), 'utf8');
const topic = 'arn:aws:sns:eu-central-1:111122223333:on-call';
const EXPECT = { every: 'day', by: '06:00', zone: 'Europe/Berlin' } as const;
const sources = [{ name: 'events', project: { secret: 'amplitude/api-key' }, expect: EXPECT }];
/** With all that an alarm may be about. */
const template = templateOf({ sources, existingBucket: 'somebodys-bucket' }, { alarmTopicArn: topic });
const alarms = propertiesOf<AlarmProperties>(template, 'AWS::CloudWatch::Alarm');

/** The metrics that an alarm looks at, without what is calculated from them. */
function metricsOf(alarm: AlarmProperties): MetricStat[] {
  const { Namespace, MetricName, Dimensions, Metrics = [] } = alarm;
  if (Namespace && MetricName && Dimensions) return [{ Namespace, MetricName, Dimensions }];
  return Metrics.flatMap(({ MetricStat }) => (MetricStat ? [MetricStat.Metric] : []));
}

describe('every alarm', () => {
  test.each(ALARMS)('$name says what it means and where the runbook goes on', ({ name, means }) => {
    const alarm = alarms.find(({ AlarmName }) => AlarmName === `Test-${name}`);
    expect(alarm?.AlarmDescription).toBe(`${means} What to do: docs/runbook.md#${name}`);
    expect(alarm?.TreatMissingData).toBe('notBreaching');
  });

  test('is one of the definitions', () => {
    expect(alarms).toHaveLength(ALARMS.length);
  });

  test('is there where there is what it is about', () => {
    const names = propertiesOf<AlarmProperties>(templateOf(), 'AWS::CloudWatch::Alarm').map(
      ({ AlarmName }) => AlarmName,
    );
    const left = ALARMS.map(({ name }) => `Test-${name}`).filter((name) => !names.includes(name));
    expect(left).toEqual(['Test-daily-file', 'Test-notifications-failing']);
  });

  test('tells the topic when it rings and when it is over; without a topic nobody', () => {
    for (const { AlarmActions, OKActions } of alarms) expect([AlarmActions, OKActions]).toEqual([[topic], [topic]]);
    const silent = propertiesOf<AlarmProperties>(templateOf(), 'AWS::CloudWatch::Alarm');
    expect(silent.filter(({ AlarmActions, OKActions }) => AlarmActions ?? OKActions)).toEqual([]);
  });

  test('looks at queues and functions of the stack, or at metrics that the functions write', () => {
    const resources = Object.keys(template.toJSON().Resources as object);
    for (const metric of alarms.flatMap(metricsOf)) {
      const [dimension] = metric.Dimensions;
      if (metric.Namespace === 'S3ToAmplitude') {
        expect(metric.Dimensions).toEqual([{ Name: 'stack', Value: 'Test' }]);
        expect(Object.keys(METRICS)).toContain(metric.MetricName);
      } else {
        const value = dimension?.Value as { readonly Ref?: string; readonly 'Fn::GetAtt'?: readonly string[] };
        expect(resources).toContain(value.Ref ?? value['Fn::GetAtt']?.[0]);
      }
    }
  });
});

test('each dead-letter queue has an alarm', () => {
  const queues = propertiesOf<QueueProperties>(template, 'AWS::SQS::Queue');
  const dead = queues.filter(({ RedrivePolicy }) => RedrivePolicy === undefined).map(({ id }) => id);
  const watched = alarms
    .filter(({ AlarmName }) => /-dead-/.test(AlarmName))
    .flatMap(metricsOf)
    .map(({ Dimensions }) => JSON.stringify(Dimensions));
  expect(dead).toHaveLength(3);
  for (const id of dead) expect(watched).toContainEqual(expect.stringContaining(`"${id}"`));
});

describe('docs/runbook.md', () => {
  const sections = RUNBOOK.split(/^## /m)
    .slice(1)
    .map((text) => ({ title: text.slice(0, text.indexOf('\n')), text }));

  test.each(ALARMS)(
    'has a section for $name: what it means, how to look, how to mend, each with a command',
    (alarm) => {
      const section = sections.find(({ title }) => `docs/runbook.md#${title}` === runbookSection(alarm));
      const parts = section?.text.split(/^\*\*/m).slice(1) ?? [];
      expect(parts.map((part) => part.slice(0, part.indexOf('**')))).toEqual([
        'What it means.',
        'How to look.',
        'How to mend.',
      ]);
      for (const part of parts.slice(1)) expect(part).toMatch(/```sh\n.+\n```/);
    },
  );

  test('has no section for an alarm that does not exist', () => {
    const known = ALARMS.map(({ name }) => name);
    expect(sections.map(({ title }) => title).filter((title) => /^[a-z-]+$/.test(title))).toEqual(known);
  });
});

describe('the dashboard', () => {
  const [dashboard] = propertiesOf<{ readonly DashboardBody: unknown; readonly DashboardName: string }>(
    template,
    'AWS::CloudWatch::Dashboard',
  );
  const body = JSON.stringify(dashboard?.DashboardBody);

  test('has the name of the importer, so that several have theirs side by side', () => {
    expect(dashboard?.DashboardName).toBe('Test');
  });

  test('shows each alarm', () => {
    const ids = alarms.map(({ id }) => id);
    expect(ids.filter((id) => !body.includes(id))).toEqual([]);
  });

  test.each(['RecordsRead', 'EventsMade', 'EventsDelivered', 'Rejected', 'EventsParked', 'EventsDead'])(
    'shows %s',
    (name) => {
      expect(body).toContain(`\\"S3ToAmplitude\\",\\"${name}\\",\\"stack\\",\\"Test\\"`);
    },
  );

  test('shows how much is on each queue and how old it is', () => {
    const queues = propertiesOf<QueueProperties>(template, 'AWS::SQS::Queue');
    for (const { id, RedrivePolicy } of queues) {
      const shown = [...body.matchAll(new RegExp(`(Approximate\\w+)\\W+QueueName\\W+Fn::GetAtt\\W+${id}\\b`, 'g'))];
      const names = new Set(shown.map(([, name]) => name));
      expect(names).toContain('ApproximateNumberOfMessagesVisible');
      if (RedrivePolicy) expect(names).toContain('ApproximateAgeOfOldestMessage');
    }
  });
});
