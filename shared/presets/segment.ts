/** Segment's calls, as its S3 destinations write them, become events (https://segment.com/docs/connections/spec/). */
import * as z from 'zod';
import type { MapFunction } from '../config.ts';
import { objectOf, textOf } from './read-field.ts';
import { sessionOf, timeOf } from './read-time.ts';
import { mapCall, type SpecDialect, specOptions } from './spec-call.ts';

export const segmentSchema = z.strictObject({ name: z.literal('segment'), ...specOptions });
export type SegmentOptions = z.output<typeof segmentSchema>;

const SEGMENT: SpecDialect = {
  // `timestamp` is Segment's correction of the device's clock, `originalTimestamp` what that clock said.
  timeOf: (record) => timeOf(record.timestamp ?? record.originalTimestamp, 'timestamp'),
  sessionOf: (record) => sessionOf(objectOf(objectOf(record.integrations)?.['Actions Amplitude'])?.session_id),
  ipOf: (record) => textOf(objectOf(record.context)?.ip),
};

export function openSegment(options: SegmentOptions): MapFunction {
  return (record) => mapCall(record, options, SEGMENT);
}
