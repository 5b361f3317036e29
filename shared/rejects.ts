/** The rejects file: what can never be delivered, one JSON object a line, with its original bytes, where it stood and why. */

/** A record that made no event (`unusable`), or an event that Amplitude will never take (`refused`). */
export type Reject = {
  readonly kind: 'unusable' | 'refused';
  /** 1-based position of the record in the dump; in line formats the line number. */
  readonly position: number;
  /** The same text for all of its kind; what the receipt counts. */
  readonly reason: string;
  /** What was found, what was expected; or what Amplitude said. */
  readonly detail: string;
  /** The record (`unusable`) or the event (`refused`) as it stood. */
  readonly bytes: Buffer;
  /** Its whole length, when `bytes` is only its beginning. */
  readonly length?: number;
};

/** One line, newline included. Bytes that are no UTF-8 stand in base64, so that nothing of them is lost. */
export function formatReject(reject: Reject): string {
  const { bytes, length, ...rest } = reject;
  const cut = length !== undefined && length > bytes.length ? { cutFrom: length } : {};
  const text = bytes.toString('utf8');
  const original = Buffer.from(text).equals(bytes) ? { text } : { base64: bytes.toString('base64') };
  return `${JSON.stringify({ ...rest, ...cut, ...original })}\n`;
}

/** The reject that a line stands for. Throws when it is none. */
export function parseReject(line: string): Reject {
  const found: unknown = JSON.parse(line);
  const { kind, position, reason, detail, cutFrom, text, base64 } = found as Readonly<Record<string, unknown>>;
  const isKind = kind === 'unusable' || kind === 'refused';
  if (!isKind || typeof position !== 'number' || typeof reason !== 'string' || typeof detail !== 'string') {
    throw new Error('line is no reject: expected kind, position, reason and detail');
  }
  const bytes = typeof text === 'string' ? Buffer.from(text) : Buffer.from(String(base64), 'base64');
  return { kind, position, reason, detail, bytes, ...(typeof cutFrom === 'number' && { length: cutFrom }) };
}

/** The segment a rejects file is of; undefined when the name is not one that `rejectsName` made. */
export function segmentOfRejects(name: string): number | undefined {
  const [, segment] = /(?:^|\/)segment-(\d+)(?:-chunk-[^/]+)?\.ndjson\.gz$/.exec(name) ?? [];
  return segment === undefined ? undefined : Number(segment);
}

/** In the run's rejects folder: what the chunker found in a segment, and what Amplitude refused of a unit of it. */
export function rejectsName(segment: number, unit?: string): string {
  const name = `segment-${String(segment).padStart(6, '0')}`;
  return `${name}${unit === undefined ? '' : `-chunk-${unit}`}.ndjson.gz`;
}
