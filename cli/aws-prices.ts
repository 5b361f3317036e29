/** What AWS asks, and the sizes of what is deployed that it asks for. */

/**
 * On demand in us-east-1, USD, as of November 2026, without free tiers. Other regions ask up to a third more. Sources:
 * https://aws.amazon.com/s3/pricing, /sqs/pricing, /lambda/pricing (ARM), /dynamodb/pricing/on-demand,
 * /eventbridge/pricing,
 * /cloudwatch/pricing and /ec2/pricing/on-demand (data transfer out to the internet).
 */
export const AWS_PRICES = {
  asOf: '2026-11',
  region: 'us-east-1',
  s3Get: 0.4e-6,
  s3Put: 5e-6,
  s3GbMonth: 0.023,
  sqsStandardRequest: 0.4e-6,
  sqsFifoRequest: 0.5e-6,
  lambdaRequest: 0.2e-6,
  lambdaGbSecond: 0.0000133334,
  dynamoWriteUnit: 0.625e-6,
  dynamoReadUnit: 0.125e-6,
  eventBridgeEvent: 1e-6,
  logsGb: 0.5,
  egressGb: 0.09,
} as const;

/** What SQS counts as one request, bytes of a send or a receive (https://aws.amazon.com/sqs/pricing). */
export const SQS_UNIT_BYTES = 65_536;

/** As deployed (cdk/importer.ts). Chunkers are how many dumps are read at a time. */
export const DEPLOYED = { chunkerMb: 1_769, uploaderMb: 512, chunkers: 2 } as const;

/**
 * Measured for an embedded import, chunking and uploading together, on one core's worth of two (docs/benchmarks.md, 2026-11-21,
 * pass-through events of 600 bytes). A chunker has one core for chunking alone, so that for it this is on the safe side;
 * on Lambda it has not been measured.
 */
export const EVENTS_PER_SECOND = 31_000;

/**
 * What a chunker takes: for a record and for a byte of its events CPU as docs/costs.md measured it (pass-through); for a
 * dump some twenty calls, one after the other, at 10 ms (assumed).
 */
export const CHUNKER_SECONDS = { record: 20e-6, byte: 0.03e-6, dump: 0.2 } as const;
