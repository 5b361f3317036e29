/** Thrown where a value is not what the configuration expects; caught where the record's events are made. */
import type { Fault } from './check-event.ts';

export class Misfit extends Error {
  readonly fault: Fault;
  constructor(reason: string, detail: string) {
    super(reason);
    this.fault = { reason, detail };
  }
}
