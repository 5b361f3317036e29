/** What AWS asks for what was used of it, service by service: the same arithmetic for a plan and for what was measured. */
import { AWS_PRICES } from './aws-prices.ts';
import { dollars, type Figure, n } from './figure.ts';

/** What is paid for, each with what one of its units is. */
const SERVICES = {
  'S3 GET': { price: AWS_PRICES.s3Get, unit: 'request' },
  'S3 PUT': { price: AWS_PRICES.s3Put, unit: 'request' },
  'S3 storage': { price: AWS_PRICES.s3GbMonth, unit: 'GB for a month' },
  'SQS intake': { price: AWS_PRICES.sqsStandardRequest, unit: 'request' },
  'SQS upload (FIFO)': { price: AWS_PRICES.sqsFifoRequest, unit: 'request' },
  'Lambda chunker': { price: AWS_PRICES.lambdaGbSecond, unit: 'GB-second' },
  'Lambda uploader': { price: AWS_PRICES.lambdaGbSecond, unit: 'GB-second' },
  'Lambda requests': { price: AWS_PRICES.lambdaRequest, unit: 'request' },
  'DynamoDB writes': { price: AWS_PRICES.dynamoWriteUnit, unit: 'request' },
  'DynamoDB reads': { price: AWS_PRICES.dynamoReadUnit, unit: 'request' },
  EventBridge: { price: AWS_PRICES.eventBridgeEvent, unit: 'request' },
  'CloudWatch logs': { price: AWS_PRICES.logsGb, unit: 'GB' },
  'data to Amplitude': { price: AWS_PRICES.egressGb, unit: 'GB' },
} as const satisfies Readonly<Record<string, { readonly price: number; readonly unit: string }>>;

export type Service = keyof typeof SERVICES;

/** How many units, and how that was reckoned, with the numbers put in. */
export type Amount = { readonly units: number; readonly how: string };
export type AwsUsage = Readonly<Record<Service, Amount>>;

export type Cost = {
  readonly lines: Readonly<Record<Service, Figure>>;
  readonly total: Figure;
  readonly perMillionEvents: Figure;
};

export const SERVICE_NAMES = Object.keys(SERVICES) as readonly Service[];

export function costOf(usage: AwsUsage, events: number): Cost {
  const priced = SERVICE_NAMES.map((service): [Service, Figure] => {
    const { units, how } = usage[service];
    return [service, figure(units * SERVICES[service].price, `${how} × ${rateOf(service)}`)];
  });
  const total = priced.reduce((sum, [, { value }]) => sum + value, 0);
  const largest = priced.filter(([, { value }]) => value > 0).toSorted(([, a], [, b]) => b.value - a.value);
  const perMillion = events === 0 ? 0 : (total * 1e6) / events;
  return {
    lines: Object.fromEntries(priced) as Record<Service, Figure>,
    total: figure(total, largest.map(([name, { value }]) => `${dollars(value)} ${name}`).join(' + ')),
    perMillionEvents: figure(perMillion, `${dollars(total)} × 1,000,000 / ${n(events)} events`),
  };
}

function rateOf(service: Service): string {
  const { price, unit } = SERVICES[service];
  return unit === 'request' ? `$${Number((price * 1e6).toPrecision(6))} a million` : `$${price} a ${unit}`;
}

function figure(value: number, arithmetic: string): Figure {
  return { value, unit: 'USD', isEstimate: true, arithmetic };
}
