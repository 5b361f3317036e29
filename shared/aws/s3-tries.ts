/** One S3 call, tried again where another time may help, and given up when it stalls: the SDK's body stream does neither. */
import type { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { S3ServiceException } from '@aws-sdk/client-s3';
import { DumpUnreadable } from '../objects.ts';

/** How often a call is tried, and the pause after the first time, ms; it doubles each time. */
const TRIES = 5;
const PAUSE_MS = 200;

export type S3Patience = {
  /** Given up and tried again after this long without a byte, ms. @default 20 seconds */
  readonly stallMs?: number;
  /** @default setTimeout of node:timers/promises */
  readonly sleep?: (ms: number) => Promise<unknown>;
};

/** What an attempt is given: its signal, and a way to say that it has got on. */
export type Attempt = { readonly abortSignal: AbortSignal; readonly gotOn: () => void };

/** `what` is the verb phrase for the error: "read s3://…". An attempt starts from nothing. */
export async function tryS3<Result>(
  what: string,
  { stallMs = 20_000, sleep = wait }: S3Patience,
  attempt: (attempt: Attempt) => Promise<Result>,
): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    const stall = new AbortController();
    const giveUp = () => stall.abort(new Error(`nothing came for ${stallMs} ms`));
    const timer = setTimeout(giveUp, stallMs);
    try {
      return await attempt({ abortSignal: stall.signal, gotOn: () => timer.refresh() });
    } catch (error) {
      if (error instanceof DumpUnreadable) throw error;
      const cause = stall.signal.aborted ? stall.signal.reason : error;
      if (!mayPass(cause)) throw new Error(`cannot ${what}`, { cause });
      if (tries === TRIES) throw new Error(`cannot ${what}, tried ${tries} times`, { cause });
    } finally {
      clearTimeout(timer);
    }
    await sleep(PAUSE_MS * 2 ** (tries - 1));
  }
}

/** The HTTP status S3 answered with, if it did. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
}

/** Exactly `length` bytes of an answer's body, read as fast as they come. */
export async function drain(body: Readable, length: number, { abortSignal, gotOn }: Attempt): Promise<Buffer> {
  const stop = () => body.destroy(new Error('stalled'));
  abortSignal.throwIfAborted();
  abortSignal.addEventListener('abort', stop, { once: true });
  const whole = Buffer.allocUnsafe(length);
  let bytes = 0;
  try {
    for await (const piece of body) {
      gotOn();
      if (bytes + piece.length > length) throw new Error(`body is longer than the ${length} bytes asked for`);
      bytes += piece.copy(whole, bytes);
    }
  } finally {
    abortSignal.removeEventListener('abort', stop);
  }
  if (bytes < length) throw new Error(`body ended after ${bytes} bytes, expected ${length}`);
  return whole;
}

/** What S3 refuses (4xx) it refuses again, but for two that mean "too slow" or "too often". */
function mayPass(error: unknown): boolean {
  const status = statusOf(error);
  if (status === undefined || status >= 500 || status === 408 || status === 429) return true;
  return error instanceof S3ServiceException && error.name === 'RequestTimeout';
}
