/** Reads from a signed request which AWS call it is: who calls, which action, on which resource. */
import type { IncomingMessage } from 'node:http';
import { ACCOUNT, queueArn, REGION, tableArn } from './template.ts';

export type Call = {
  readonly accessKey: string;
  /** Which sandbox of a function it is; undefined for callers that are none. */
  readonly session: string | undefined;
  /** As it stands in the signature: `s3`, `sqs`, `dynamodb`, … */
  readonly service: string;
  /** As the API calls it: `SendMessageBatch`. */
  readonly operation: string;
  /** As IAM calls it: `sqs:SendMessage`. */
  readonly action: string;
  readonly resource: string;
  /** On S3 the bucket of the object. */
  readonly bucketArn: string;
  readonly input: Readonly<Record<string, unknown>>;
};

export function readCall(request: IncomingMessage, body: Buffer): Call {
  const [, accessKey = '', service = ''] = SIGNATURE.exec(request.headers.authorization ?? '') ?? [];
  const token = request.headers['x-amz-security-token'];
  const caller = { accessKey, session: typeof token === 'string' ? token : undefined, service };
  if (service === 's3') return { ...caller, input: {}, ...s3Call(request) };
  const operation = String(request.headers['x-amz-target']).split('.').at(-1) ?? '';
  const input = JSON.parse(body.toString()) as Record<string, unknown>;
  const action = `${service}:${operation.replace(/Batch$/, '')}`;
  const resource = RESOURCES[service]?.(input) ?? 'unknown';
  return { ...caller, operation, action, resource, bucketArn: '', input };
}

const SIGNATURE = /Credential=([^/]+)\/\d+\/[^/]+\/([^/]+)\//;

const RESOURCES: Readonly<Record<string, (input: Readonly<Record<string, unknown>>) => string>> = {
  sqs: ({ QueueUrl }) => queueArn(String(QueueUrl).split('/').at(-1) ?? ''),
  dynamodb: ({ TableName, IndexName }) =>
    tableArn(String(TableName)) + (typeof IndexName === 'string' ? `/index/${IndexName}` : ''),
  events: () => `arn:aws:events:${REGION}:${ACCOUNT}:event-bus/default`,
  secretsmanager: ({ SecretId }) => secretArn(String(SecretId)),
};

/** Secrets Manager ends the ARN of each secret with six characters of its own. */
export function secretArn(id: string): string {
  return id.startsWith('arn:') ? id : `arn:aws:secretsmanager:${REGION}:${ACCOUNT}:secret:${id}-Az09bY`;
}

const S3_OPERATIONS: Readonly<Record<string, string>> = { GET: 'GetObject', HEAD: 'GetObject', PUT: 'PutObject' };

function s3Call({ method = '', url = '' }: IncomingMessage) {
  const { pathname, searchParams } = new URL(url, 'http://s3');
  const [, bucket = '', key = ''] = /^\/([^/]+)\/?(.*)$/s.exec(decodeURIComponent(pathname)) ?? [];
  const bucketArn = `arn:aws:s3:::${bucket}`;
  const version = searchParams.has('versionId') ? 'Version' : '';
  const list = searchParams.has('versions') ? 'ListBucketVersions' : 'ListBucket';
  const operation = key === '' ? list : `${S3_OPERATIONS[method] ?? method}${version}`;
  return { operation, action: `s3:${operation}`, resource: key === '' ? bucketArn : `${bucketArn}/${key}`, bucketArn };
}
