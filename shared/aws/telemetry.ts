/** What a function tells CloudWatch: log lines as JSON and metrics in the embedded metric format, both on its standard output. */
import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import type { Log } from '../log.ts';
import { type Measure, METRICS, type MetricName, METRICS_NAMESPACE, STACK_DIMENSION } from '../metrics.ts';

export type Telemetry = {
  readonly log: Log;
  readonly measure: Measure;
  /** The lines of this invocation carry its id, and what it measured is written when it ends, also when it throws. */
  invocation<Result>(requestId: string, work: () => Promise<Result>): Promise<Result>;
};

/** `service` is the stage, `stack` the name that its metrics go by. */
export function openTelemetry(service: string, stack: string): Telemetry {
  const logger = new Logger({ serviceName: service });
  const metrics = new Metrics({ namespace: METRICS_NAMESPACE });
  // Its own, the service, would make each metric two; see STACK_DIMENSION.
  metrics.clearDefaultDimensions();
  metrics.setDefaultDimensions({ [STACK_DIMENSION]: stack });
  return {
    log: (level, message, fields) => logger[level](message, { ...fields }),
    measure(figures) {
      for (const [name, figure] of Object.entries(figures)) {
        metrics.addMetric(name, METRICS[name as MetricName].unit, figure);
      }
    },
    async invocation(requestId, work) {
      logger.appendKeys({ requestId });
      try {
        return await work();
      } finally {
        if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics();
      }
    },
  };
}
