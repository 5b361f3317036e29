/** AWS as a function sees it: one endpoint that knows the caller by its credentials and refuses what its role does not allow. */
import {
  Agent,
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request as send,
  type ServerResponse,
} from 'node:http';
import { buffer } from 'node:stream/consumers';
import { type Call, readCall } from './aws-call.ts';
import { awsError, type ServiceAnswer } from './aws-error.ts';
import type { Detour } from './detour.ts';
import type { Permissions } from './permissions.ts';

/** Where a service is: its address, or an answer to an operation made here. */
export type Service = string | ((operation: string, input: Readonly<Record<string, unknown>>) => object);

export type Gateway = {
  readonly url: string;
  /** Calls that were refused, as `caller action resource`. */
  readonly refused: readonly string[];
  /** Every call that was made, once each, whether it was allowed or not. */
  calls(): readonly GrantedCall[];
  stop(): Promise<void>;
};

/** What a role has to allow. */
export type GrantedCall = { readonly caller: string; readonly action: string; readonly resource: string };

export type GatewayOptions = {
  /** By the name that stands in a signature: `s3`, `sqs`, … */
  readonly services: Readonly<Record<string, Service>>;
  /** Of the caller with this access key; undefined for one that nobody knows. */
  permissions(accessKey: string): Permissions | undefined;
  /** What happens to an allowed call, if anything does. */
  detour?(call: Call): Detour | undefined;
};

export async function startGateway({ services, permissions, detour }: GatewayOptions): Promise<Gateway> {
  const agent = new Agent({ keepAlive: true });
  const refused: string[] = [];
  const calls = new Map<string, GrantedCall>();
  const isAllowed = (call: Call, action: string, resource: string): boolean => {
    const { accessKey: caller } = call;
    calls.set(`${caller} ${action} ${resource}`, { caller, action, resource });
    if (permissions(caller)?.allows(action, resource)) return true;
    refused.push(`${call.accessKey} ${action} ${resource}`);
    return false;
  };
  // A caller that is killed half-way breaks its connection: nobody is left to be answered.
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    const call = readCall(request, body);
    if (!isAllowed(call, call.action, call.resource)) return relay(denial(call), response);
    const { input, instead, rewrite, breaks } = detour?.(call) ?? {};
    if (breaks === 'before') return void response.destroy();
    if (instead) return relay(made(instead), response);
    const service = services[call.service];
    const found =
      typeof service === 'function'
        ? made({ status: 200, body: JSON.stringify(service(call.operation, input ?? call.input)) })
        : await forward(request, input ? Buffer.from(JSON.stringify(input)) : body, `${service}${request.url}`, agent);
    if (breaks === 'after') return void response.destroy();
    // S3 does not tell whoever may not list a bucket that an object is missing.
    const isHidden = call.service === 's3' && found.status === 404 && !isAllowed(call, 's3:ListBucket', call.bucketArn);
    if (isHidden) return relay(denial(call), response);
    if (breaks === 'in the answer') return relayHalf(found, response);
    relay(rewrite ? made({ ...found, body: rewrite(found.content.toString()) }) : found, response);
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the gateway has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    refused,
    calls: () => [...calls.values()],
    async stop() {
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

type Answer = { readonly status: number; readonly headers: OutgoingHttpHeaders; readonly content: Buffer };

function denial({ service, action, resource }: Call): Answer {
  const code = service === 's3' ? 'AccessDenied' : 'AccessDeniedException';
  return made(awsError(service, 403, code, `not allowed: ${action} on ${resource}`));
}

function made({ status, body }: ServiceAnswer): Answer {
  const type = body.startsWith('<') ? 'application/xml' : 'application/x-amz-json-1.1';
  return { status, headers: { 'content-type': type }, content: Buffer.from(body) };
}

async function forward(request: IncomingMessage, body: Buffer, url: string, agent: Agent): Promise<Answer> {
  const { expect: _, ...headers } = request.headers;
  const sent = { ...headers, 'content-length': body.length };
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    send(url, { method: request.method, headers: sent, agent }, resolve).once('error', reject).end(body);
  });
  return { status: answer.statusCode ?? 500, headers: answer.headers, content: await buffer(answer) };
}

function relay({ status, headers, content }: Answer, response: ServerResponse): void {
  response.writeHead(status, headers);
  response.end(content);
}

/** Says how long the body is, and hangs up in the middle of it. */
function relayHalf({ status, headers, content }: Answer, response: ServerResponse): void {
  response.writeHead(status, { ...headers, 'content-length': content.length });
  response.write(content.subarray(0, content.length / 2), () => response.destroy());
}
