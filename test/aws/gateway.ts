/** AWS as a function sees it: one endpoint that knows the caller by its credentials and refuses what its role does not allow. */
import { Agent, createServer, type IncomingMessage, request as send, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { type Call, readCall } from './aws-call.ts';
import type { Permissions } from './permissions.ts';

/** Where a service is: its address, or an answer to an operation made here. */
export type Service = string | ((operation: string, input: Readonly<Record<string, unknown>>) => object);

export type Gateway = {
  readonly url: string;
  /** Calls that were refused, as `caller action resource`. */
  readonly refused: readonly string[];
  stop(): Promise<void>;
};

export type GatewayOptions = {
  /** By the name that stands in a signature: `s3`, `sqs`, … */
  readonly services: Readonly<Record<string, Service>>;
  /** Of the caller with this access key; undefined for one that nobody knows. */
  permissions(accessKey: string): Permissions | undefined;
};

export async function startGateway({ services, permissions }: GatewayOptions): Promise<Gateway> {
  const agent = new Agent({ keepAlive: true });
  const refused: string[] = [];
  const isAllowed = (call: Call, action: string, resource: string): boolean => {
    if (permissions(call.accessKey)?.allows(action, resource)) return true;
    refused.push(`${call.accessKey} ${action} ${resource}`);
    return false;
  };
  const server = createServer((request, response) => void answer(request, response));
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    const call = readCall(request, body);
    const service = services[call.service];
    if (!isAllowed(call, call.action, call.resource)) return deny(call, response);
    if (typeof service === 'function') return reply(response, 200, JSON.stringify(service(call.operation, call.input)));
    const { status, relay } = await forward(request, body, `${service}${request.url}`, agent);
    // S3 does not tell whoever may not list a bucket that an object is missing.
    const isHidden = call.service === 's3' && status === 404 && !isAllowed(call, 's3:ListBucket', call.bucketArn);
    if (isHidden) return deny(call, response);
    relay(response);
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the gateway has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    refused,
    async stop() {
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function deny({ service, action, resource }: Call, response: ServerResponse): void {
  const message = `not allowed: ${action} on ${resource}`;
  if (service === 's3') {
    return reply(response, 403, `<Error><Code>AccessDenied</Code><Message>${message}</Message></Error>`);
  }
  reply(response, 403, JSON.stringify({ __type: 'AccessDeniedException', message }));
}

function reply(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, {
    'content-type': body.startsWith('<') ? 'application/xml' : 'application/x-amz-json-1.1',
  });
  response.end(body);
}

type Forwarded = { readonly status: number | undefined; relay(response: ServerResponse): void };

async function forward(request: IncomingMessage, body: Buffer, url: string, agent: Agent): Promise<Forwarded> {
  const { expect: _, ...headers } = request.headers;
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    send(url, { method: request.method, headers, agent }, resolve).once('error', reject).end(body);
  });
  const content = await buffer(answer);
  return {
    status: answer.statusCode,
    relay(response) {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      response.end(content);
    },
  };
}
