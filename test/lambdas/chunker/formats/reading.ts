/** Dumps in memory read as the chunker reads them, and what their records hold. */
import { readRecords } from '../../../../lambdas/chunker/read-records.ts';
import type { RawRecord } from '../../../../lambdas/chunker/raw-record.ts';
import type { Source } from '../../../../shared/config.ts';
import { type Format, type FormatName, formatSchema } from '../../../../shared/format-settings.ts';
import { dumpOf, memoryDumps, sourceOf } from '../fixtures.ts';

export type FormatInput = FormatName | ({ readonly type: FormatName } & Record<string, unknown>);

export type Reading = {
  readonly format?: FormatInput | undefined;
  readonly key?: string;
  readonly from?: { readonly offset: number; readonly position: number };
  readonly caps?: Partial<Source['caps']>;
  /** How many bytes come at a time. */
  readonly pieceBytes?: number;
};

export type WhatWasRead = { readonly records: readonly RawRecord[]; readonly failure?: string };

export async function readAll(stored: Buffer | string, reading: Reading = {}): Promise<WhatWasRead> {
  const bytes = Buffer.from(stored);
  const { format, key = 'day', from = { offset: 0, position: 0 }, caps = {}, pieceBytes = 8 * 1024 * 1024 } = reading;
  const source = sourceOf({ caps, ...(format !== undefined && { format: formatFrom(format) }) });
  const dumps = { ...memoryDumps(bytes), rangeBytes: pieceBytes };
  const records: RawRecord[] = [];
  for await (const block of readRecords(dumpOf(bytes, { key }), source, from, dumps)) {
    records.push(...block.records.map(alone));
    if (block.failure !== undefined) return { records, failure: block.failure };
  }
  return { records };
}

/** Without those it was read with, among which its bytes must stand. */
export function alone({ block, start = 0, ...record }: RawRecord): RawRecord {
  if (block && !block.subarray(start, start + record.length).equals(record.bytes))
    throw new Error(`record ${record.position} does not stand where it says`);
  return record;
}

export function formatFrom(format: FormatInput): Format {
  return formatSchema.parse(format);
}

/** What a record holds; undefined when it cannot be read. */
export function valueOf({ bytes, length, parsed }: RawRecord): unknown {
  if (parsed) return 'value' in parsed ? parsed.value : undefined;
  if (bytes.length < length) return undefined;
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}

export function valuesOf({ records }: WhatWasRead): unknown[] {
  return records.map(valueOf);
}

/** Why records cannot be read, each as `position: reason (detail)`. */
export function faultsOf({ records }: WhatWasRead): string[] {
  return records.flatMap(({ position, parsed }) =>
    parsed && 'fault' in parsed ? [`${position}: ${parsed.fault.reason} (${parsed.fault.detail})`] : [],
  );
}
