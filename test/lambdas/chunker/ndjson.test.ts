/** How bytes become records. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readLines } from '../../../lambdas/chunker/formats/ndjson.ts';
import { KEPT_BYTES } from '../../../lambdas/chunker/formats/unfinished-record.ts';
import type { RawRecord } from '../../../lambdas/chunker/raw-record.ts';
import { collect, cutAt } from './fixtures.ts';
import { alone } from './formats/reading.ts';
import { runs } from '../../runs.ts';

const MAX_BYTES = 1_000_000;

type Options = { readonly offset?: number; readonly position?: number; readonly maxBytes?: number };

async function read(pieces: AsyncIterable<Buffer>, options: Options = {}): Promise<RawRecord[]> {
  const { offset = 0, position = 0, maxBytes = MAX_BYTES } = options;
  return (await collect(readLines(pieces, { offset, position, maxBytes }))).flat().map(alone);
}

const readText = (text: string | Buffer, options?: Options) => read(cutAt(Buffer.from(text), []), options);
const texts = (records: readonly RawRecord[]) => records.map(({ bytes }) => bytes.toString());

describe('records', () => {
  test.each<[string, string, string[]]>([
    ['nothing', '', []],
    ['one line', '{"a":1}\n', ['{"a":1}']],
    ['no newline at the end', '1\n2', ['1', '2']],
    ['CRLF', '1\r\n2\r\n', ['1', '2']],
    ['a CR alone', '1\r2\n', ['1\r2']],
    ['blank lines', '\n\n1\n \t\n\r\n2\n\n', ['1', '2']],
    ['only newlines', '\n\n\n', []],
    ['only white space', ' \t\r', []],
    ['white space around a record', ' \t1 \r\n', ['1']],
    ['a byte-order mark', '\ufeff1\n2\n', ['1', '2']],
    ['nothing but a byte-order mark', '\ufeff', []],
    ['a byte-order mark on a later line', '1\n\ufeff2\n', ['1', '\ufeff2']],
    ['line separators of Unicode', '"a\u2028b\u2029c\u0085d"\n', ['"a\u2028b\u2029c\u0085d"']],
    ['NUL bytes', '\0\n1\0\n', ['\0', '1\0']],
    ['a vertical tab, which JSON does not allow', '\v\n', ['\v']],
  ])('%s', async (_what, text, expected) => {
    expect(texts(await readText(text))).toEqual(expected);
  });

  test('bytes that are no UTF-8 stay as they are', async () => {
    const [record] = await readText(Buffer.from([0xff, 0xc3, 0x0a]));
    expect(record?.bytes).toEqual(Buffer.from([0xff, 0xc3]));
  });

  test('each knows its line, where the next one begins and whether its line ended', async () => {
    expect(await readText('\ufeff1\r\n\n 22\n3')).toEqual([
      { bytes: Buffer.from('1'), length: 1, position: 1, end: 6, terminated: true },
      { bytes: Buffer.from('22'), length: 2, position: 3, end: 11, terminated: true },
      { bytes: Buffer.from('3'), length: 1, position: 4, end: 12, terminated: false },
    ]);
  });

  test('after a restart lines and bytes are counted on, and no line but the first may begin with a byte-order mark', async () => {
    const records = await readText('\ufeff1\n', { offset: 100, position: 7 });
    expect(records).toMatchObject([{ bytes: Buffer.from('\ufeff1'), position: 8, end: 105 }]);
  });
});

test('lines that are whole in a piece share a block, which holds nothing but whole lines', async () => {
  const pieces = cutAt(Buffer.from('{"a":1}\n{"a":2}\n{"a":3}\n{"a":4}\n{"a":5}'), [12, 30]);
  const records = (await collect(readLines(pieces, { offset: 0, position: 0, maxBytes: MAX_BYTES }))).flat();
  expect(records.map(({ block }) => block?.toString())).toEqual([
    '{"a":1}\n',
    undefined, // begun in one piece, ended in the next
    '{"a":3}\n',
    undefined,
    undefined,
  ]);
});

describe('any bytes', () => {
  /** Bytes in which what matters to a splitter is frequent. */
  const anyBytes = fc
    .array(
      fc.oneof(
        fc
          .constantFrom('\n', '\r\n', '\r', ' ', '\t', '\ufeff', '\u2028', '\0', '{"a":1}')
          .map((text) => Buffer.from(text)),
        fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
      ),
      { maxLength: 60 },
    )
    .map((parts) => Buffer.concat(parts));
  const cutBytes = anyBytes.chain((bytes) =>
    fc.tuple(fc.constant(bytes), fc.array(fc.nat(bytes.length), { maxLength: 20 })),
  );

  test('cut into any pieces give the same records', async () => {
    await fc.assert(
      fc.asyncProperty(cutBytes, async ([bytes, places]) => {
        expect(await read(cutAt(bytes, places))).toEqual(await read(cutAt(bytes, [])));
      }),
      { numRuns: runs(500) },
    );
  });

  test('stand in records, line ends and white space, and nowhere else', async () => {
    await fc.assert(
      fc.asyncProperty(cutBytes, async ([bytes, places]) => {
        const lines = linesOf(bytes);
        const expected = lines.filter(({ bytes: line }) => line.length > 0);
        expect(await read(cutAt(bytes, places))).toEqual(expected);
      }),
      { numRuns: runs(500) },
    );
  });

  test('give the rest when reading goes on after any record', async () => {
    await fc.assert(
      fc.asyncProperty(cutBytes, async ([bytes, places]) => {
        const all = await read(cutAt(bytes, []));
        for (const [i, { end, position }] of all.entries()) {
          const rest = read(
            cutAt(
              bytes.subarray(end),
              places.map((place) => Math.max(0, place - end)),
            ),
            { offset: end, position },
          );
          expect(await rest).toEqual(all.slice(i + 1));
        }
      }),
    );
  });
});

describe('a line longer than allowed', () => {
  const long = (length: number) => Buffer.from(Array.from({ length }, (_, i) => 97 + (i % 26)));

  test.each([KEPT_BYTES, KEPT_BYTES + 1, 3 * KEPT_BYTES])(
    'of %i bytes keeps its length and how it began',
    async (length) => {
      const bytes = Buffer.concat([Buffer.from('1\n'), long(length), Buffer.from('\n2\n')]);
      for (const places of [[], [3], [10, 20, 30], [KEPT_BYTES, KEPT_BYTES + 2]]) {
        const records = await read(cutAt(bytes, places), { maxBytes: 1_000 });
        expect(records.map((record) => [record.position, record.length, record.end])).toEqual([
          [1, 1, 2],
          [2, length, length + 3],
          [3, 1, length + 5],
        ]);
        expect(records[1]?.bytes).toEqual(long(Math.min(length, KEPT_BYTES)));
      }
    },
  );

  test('that is short all the same comes whole', async () => {
    const [record] = await read(cutAt(long(2_000), [500]), { maxBytes: 1_000 });
    expect(record).toMatchObject({ bytes: long(2_000), length: 2_000 });
  });

  test('of nothing but white space at its beginning is a record all the same', async () => {
    const bytes = Buffer.concat([Buffer.alloc(KEPT_BYTES, ' '), Buffer.from('{"a":1}\n')]);
    expect(await readText(bytes, { maxBytes: 1_000 })).toMatchObject([{ length: bytes.length - 1 }]);
  });

  test('does not stay in memory', async () => {
    const piece = Buffer.alloc(8 * 1_048_576, 'x');
    async function* pieces() {
      for (let i = 0; i < 50; i += 1) yield piece;
      yield Buffer.from('\n1\n');
    }
    const [record, next] = await read(pieces(), { maxBytes: 20_000_000 });
    expect(record).toMatchObject({ length: 50 * piece.length, position: 1 });
    expect(record?.bytes.buffer.byteLength).toBe(KEPT_BYTES);
    expect(next).toMatchObject({ bytes: Buffer.from('1'), position: 2, end: 50 * piece.length + 3 });
  });
});

test('many short lines of one piece are not all objects at once', async () => {
  const blocks = await collect(
    readLines(cutAt(Buffer.alloc(200_000, '1\n'), []), { offset: 0, position: 0, maxBytes: 10 }),
  );
  expect(Math.max(...blocks.map((records) => records.length))).toBe(1_000);
  expect(blocks.flat().at(-1)).toMatchObject({ position: 100_000, end: 200_000 });
});

/** The plainest splitter: every line of the bytes, blank ones with no bytes left. */
function linesOf(bytes: Buffer): RawRecord[] {
  const lines = bytes.toString('latin1').split('\n');
  let end = 0;
  return lines.map((line, i) => {
    const terminated = i < lines.length - 1;
    end += line.length + (terminated ? 1 : 0);
    const withoutBom = i === 0 ? line.replace(/^\u00ef\u00bb\u00bf/, '') : line;
    const kept = Buffer.from(withoutBom.replace(/^[ \t\r]+|[ \t\r]+$/g, ''), 'latin1');
    return { bytes: kept, length: kept.length, position: i + 1, end, terminated };
  });
}
