/** RudderStack's calls, as its object storage destinations write them, become events (https://www.rudderstack.com/docs/event-spec/). */
import * as z from 'zod';
import type { MapFunction } from '../config.ts';
import { objectOf, textOf } from './read-field.ts';
import { sessionOf, timeOf } from './read-time.ts';
import { mapCall, type SpecDialect, specOptions } from './spec-call.ts';

export const rudderstackSchema = z.strictObject({ name: z.literal('rudderstack'), ...specOptions });
export type RudderstackOptions = z.output<typeof rudderstackSchema>;

const RUDDERSTACK: SpecDialect = {
  // `timestamp` is corrected for the device's clock; server-side sources write only `originalTimestamp`.
  timeOf: (record) => timeOf(record.timestamp ?? record.originalTimestamp, 'timestamp'),
  sessionOf: (record) => sessionOf(objectOf(record.context)?.sessionId),
  ipOf: (record) => textOf(objectOf(record.context)?.ip) ?? textOf(record.request_ip),
};

export function openRudderstack(options: RudderstackOptions): MapFunction {
  return (record) => mapCall(record, options, RUDDERSTACK);
}
