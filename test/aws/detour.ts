/** What may happen to a call on its way to AWS and back. */
import type { Call } from './aws-call.ts';
import type { ServiceAnswer } from './aws-error.ts';

export type Detour = {
  /** Sent on instead of what the caller sent. */
  readonly input?: Readonly<Record<string, unknown>>;
  /** Answered without sending anything on. */
  readonly instead?: ServiceAnswer;
  /** What the caller gets to read instead of the answer's text. */
  rewrite?(body: string): string;
  /** Where the connection breaks: before the call takes effect, after it did, or half-way through the answer's body. */
  readonly breaks?: 'before' | 'after' | 'in the answer';
};

/** `killCaller` ends the sandbox that made the call. */
export type FindDetour = (call: Call, killCaller: () => void) => Detour | undefined;
