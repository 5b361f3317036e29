/** The rejects file: what is written into it can be read again, whatever it is. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatReject, parseReject, type Reject, rejectsName, segmentOfRejects } from '../../shared/rejects.ts';

test('any reject is one line, from which the same reject is read', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 50 }).map((array) => Buffer.from(array)),
    fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
  );
  const anyReject: fc.Arbitrary<Reject> = fc
    .record({
      kind: fc.constantFrom('unusable', 'refused'),
      position: fc.integer({ min: 1 }),
      reason: fc.string(),
      detail: fc.string(),
      bytes,
      isCut: fc.boolean(),
    })
    .map(({ isCut, ...rest }) => ({ ...rest, ...(isCut && { length: rest.bytes.length + 1 }) }));
  fc.assert(
    fc.property(anyReject, (reject) => {
      const line = formatReject(reject);
      expect(line.indexOf('\n')).toBe(line.length - 1);
      expect(parseReject(line)).toEqual(reject);
    }),
  );
});

test.each(['{}', '[]', 'no', '{"kind":"lost","position":1,"reason":"r","detail":"d","text":""}'])(
  'a line that is no reject is refused: %s',
  (line) => {
    expect(() => parseReject(line)).toThrow();
  },
);

test('a rejects file says which segment it is of', () => {
  expect(segmentOfRejects(`rejects/a/run-1/${rejectsName(7)}`)).toBe(7);
  expect(segmentOfRejects(`rejects/a/run-1-amended-2/${rejectsName(2_000_003, '5p0a1b')}`)).toBe(2_000_003);
  expect(segmentOfRejects('rejects/segment-000001.ndjson.gz/notes.txt')).toBeUndefined();
});
