/** Faults the simulator can be told to have: what comes instead of the answer, for which requests, and how often. */
import type { Endpoint } from './simulator-switches.ts';

export type Fault = {
  /** Waits so long before anything else; without `instead` the request is then answered as usual. */
  readonly latencyMs?: number;
  /** What comes instead of the answer. `reset` breaks the connection, `hang` leaves it open without a word. */
  readonly instead?: 'reset' | 'hang' | FaultAnswer;
  /** Whether the events are ingested although the answer does not come (default: no). */
  readonly ingest?: boolean;
};

export type FaultAnswer = {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
};

/** The request a fault may befall. */
export type FaultedRequest = {
  /** 1 for the first request since the start or the last reset. */
  readonly number: number;
  readonly endpoint: Endpoint;
  readonly gzip: boolean;
  /** Decompressed; as sent when it cannot be. */
  readonly body: Buffer;
};

export type FaultRule = Fault & {
  /** How many requests it befalls; all, until the faults are changed, when left out. */
  readonly times?: number;
  /** Every condition that is given must hold. */
  readonly from?: number;
  readonly endpoint?: Endpoint;
  readonly gzip?: boolean;
  /** Only requests with this text in their body: an event that a firewall does not like. */
  readonly containing?: string;
};

/** The first rule that applies, or what the function says. */
export type FaultPlan = readonly FaultRule[] | NextFault;
export type NextFault = (request: FaultedRequest) => Fault | undefined;

export function createFaults(plan: FaultPlan): NextFault {
  if (typeof plan === 'function') return plan;
  const befallen = plan.map(() => 0);
  return (request) => {
    const index = plan.findIndex(
      (rule, at) => applies(rule, request) && (befallen[at] ?? 0) < (rule.times ?? Infinity),
    );
    if (index >= 0) befallen[index] = (befallen[index] ?? 0) + 1;
    return plan[index];
  };
}

function applies({ from = 1, endpoint, gzip, containing }: FaultRule, request: FaultedRequest): boolean {
  if (request.number < from) return false;
  if (endpoint !== undefined && endpoint !== request.endpoint) return false;
  if (gzip !== undefined && gzip !== request.gzip) return false;
  return containing === undefined || request.body.includes(containing);
}

type Ingest = { readonly ingest: boolean };
const JSON_TYPE = { 'content-type': 'application/json' };
const HTML_TYPE = { 'content-type': 'text/html' };

/** The faults by name; each may be spread into a rule: `{ ...FAULTS.reset(), times: 2 }`. */
export const FAULTS = {
  latency: (latencyMs: number): Fault => ({ latencyMs }),
  /** The web application firewall, or a sanctioned region. */
  forbidden: (): Fault => answer(403, '<html><head><title>403 Forbidden</title></head></html>', HTML_TYPE),
  /** 500, 502 and 504 leave open whether the events were ingested. */
  serverError: (status: 500 | 502 | 504, { ingest }: Ingest): Fault => ({
    ...answer(status, `<html><body>${status}</body></html>`, HTML_TYPE),
    ingest,
  }),
  /** Documented: nothing was ingested. */
  unavailable: (): Fault => answer(503, JSON.stringify({ code: 503, error: 'Service unavailable' }), JSON_TYPE),
  emptyBody: (status: number, { ingest }: Ingest): Fault => ({ ...answer(status, '', {}), ingest }),
  notJson: (status: number, { ingest }: Ingest): Fault => ({ ...answer(status, 'upstream said {', {}), ingest }),
  reset: ({ ingest }: Ingest): Fault => ({ instead: 'reset', ingest }),
  hang: ({ ingest }: Ingest): Fault => ({ instead: 'hang', ingest }),
  /** HTTP 200 around a body that says 429. */
  throttledInBody: (): Fault => answer(200, JSON.stringify({ code: 429, error: 'Rate limit exceeded' }), JSON_TYPE),
  gzipRefused: (status: 400 | 415): Fault & { readonly gzip: true } => ({
    ...answer(status, JSON.stringify({ code: status, error: 'Invalid JSON request body' }), JSON_TYPE),
    gzip: true,
  }),
  answer: (status: number, body: object): Fault => answer(status, JSON.stringify(body), JSON_TYPE),
};

function answer(status: number, body: string, headers: Readonly<Record<string, string>>): Fault {
  return { instead: { status, body, headers } };
}
