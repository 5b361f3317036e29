/** Counts the requests the simulator had, by endpoint and outcome. */
import type { Endpoint } from './simulator-switches.ts';

export type RequestEntry = {
  /** 1 for the first since the start or the last reset. */
  readonly number: number;
  readonly at: number;
  readonly endpoint: Endpoint;
  /** The HTTP status, or what came instead of an answer. */
  readonly outcome: number | 'reset' | 'hang';
  readonly gzip: boolean;
  readonly sentBytes: number;
  /** 0 when they were not looked at. */
  readonly events: number;
};

export type TrafficCounts = {
  /** By endpoint and outcome. */
  readonly requests: Readonly<Record<Endpoint, Readonly<Record<string, number>>>>;
  readonly bodies: { readonly gzip: number; readonly identity: number };
  /** As sent, and decompressed. */
  readonly bytes: { readonly sent: number; readonly json: number };
};

export type Traffic = {
  nextNumber(): number;
  add(entry: RequestEntry, jsonBytes: number): void;
  counts(): TrafficCounts;
};

export function createTraffic(): Traffic {
  let number = 0;
  const requests = { batch: {} as Record<string, number>, httpapi: {} as Record<string, number> };
  const bodies = { gzip: 0, identity: 0 };
  const bytes = { sent: 0, json: 0 };
  return {
    nextNumber: () => ++number,
    add({ endpoint, outcome, gzip, sentBytes }, jsonBytes) {
      requests[endpoint][outcome] = (requests[endpoint][outcome] ?? 0) + 1;
      bodies[gzip ? 'gzip' : 'identity']++;
      bytes.sent += sentBytes;
      bytes.json += jsonBytes;
    },
    counts: () => structuredClone({ requests, bodies, bytes }),
  };
}
