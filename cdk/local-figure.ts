/** What alarms and dashboard look at, on one machine: a figure's values, period by period, from what an import there measured. */
import type { EventfulDay, QueueLook } from '../local/eventful-day.ts';
import type { Figure, QueueMetric } from './figure.ts';

const MINUTE_MS = 60_000;

/** SQS's metrics, as far as a queue of one machine has them: it does not tell delayed from hidden. */
const OF_QUEUE: Readonly<Partial<Record<QueueMetric, (look: QueueLook) => number>>> = {
  ApproximateNumberOfMessagesVisible: ({ visible }) => visible,
  ApproximateNumberOfMessagesNotVisible: ({ hidden }) => hidden,
  ApproximateNumberOfMessagesDelayed: () => 0,
  ApproximateAgeOfOldestMessage: ({ ageS }) => ageS,
};

/** Undefined where one machine has no such thing: the metrics of a function or a rule. Throws on math that nothing on the dashboard needs. */
export function valuesOf(figure: Figure, day: EventfulDay, periodMinutes: number): readonly number[] | undefined {
  const periods = Math.ceil(day.minutes / periodMinutes);
  const periodOf = (at: number) => Math.floor((at - day.start) / (periodMinutes * MINUTE_MS));
  const values = Array.from({ length: periods }, () => 0);
  if ('math' in figure) {
    if (!/^SUM\(\[[\w, ]+\]\)$/.test(figure.math)) throw new Error(`nobody knows to calculate ${figure.math} here`);
    const parts = Object.values(figure.of).map((part) => valuesOf(part, day, periodMinutes));
    return values.map((_, i) => parts.reduce((sum, part) => sum + (part?.[i] ?? 0), 0));
  }
  if ('stage' in figure || 'rule' in figure) return undefined;
  if ('queue' in figure) {
    const of = OF_QUEUE[figure.metric];
    if (!of) throw new Error(`nobody counts ${figure.metric} here`);
    for (const { at, queues, dead } of day.looked) {
      const period = periodOf(at);
      const value = of((figure.dead ? dead : queues)[figure.queue]);
      if (period < periods) values[period] = Math.max(values[period] ?? 0, value);
    }
    return values;
  }
  for (const { at, figures } of day.measured) {
    const period = periodOf(at);
    if (period < periods) values[period] = (values[period] ?? 0) + (figures[figure.metric] ?? 0);
  }
  return values;
}

/** Its metrics in words, for who looks at a picture. */
export function describeFigure(figure: Figure): string {
  if ('math' in figure) return `${Object.values(figure.of).map(describeFigure).join(' + ')}`;
  if ('queue' in figure) return `${figure.queue} queue${figure.dead ? "'s dead letters" : ''}: ${figure.metric}`;
  if ('stage' in figure) return `${figure.stage}: ${figure.metric}`;
  return figure.metric;
}
