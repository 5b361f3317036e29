/** What was made for a text is found again by the text's bytes. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { keptPieces, type Made } from '../../../lambdas/chunker/kept-pieces.ts';
import { holdText } from '../../../lambdas/chunker/scan-object.ts';

const made = (text: string): Made => ({ piece: Buffer.from(`<${text}>`), number: text.length });

/** What is found for a text that stands somewhere in what is held. */
function find(kept: ReturnType<typeof keptPieces>, text: string): [string, number] {
  const held = Buffer.from(`..${text}..`);
  holdText(held);
  const { bytes, start, end, number } = kept(2, held.length - 2);
  return [bytes.toString('utf8', start, end), number];
}

test('any texts give what is made for them, whichever came before', () => {
  const text = fc.oneof(
    fc.string({ maxLength: 6, unit: 'binary' }),
    fc.constantFrom('a', 'b', 'ab', ''),
    fc.string({ minLength: 190, maxLength: 220 }),
  );
  fc.assert(
    fc.property(fc.array(text, { maxLength: 60 }), (texts) => {
      const kept = keptPieces(made);
      for (const one of [...texts, ...texts]) expect(find(kept, one)).toEqual([`<${one}>`, one.length]);
    }),
  );
});

test('a text is made one piece for, until there are too many; what was given out before stays as it was', () => {
  const asked = new Map<string, number>();
  const kept = keptPieces((text) => {
    asked.set(text, (asked.get(text) ?? 0) + 1);
    return { piece: Buffer.from(`piece of ${text}`), number: 0 };
  });
  holdText(Buffer.from('first'));
  const { bytes, start, end } = kept(0, 5);
  const text = (n: number) => `${n} and so on`.padEnd(150, '.');
  for (let n = 0; n < 30_000; n += 1) expect(find(kept, text(n))[0]).toBe(`piece of ${text(n)}`);
  expect(find(kept, text(29_999))[0]).toBe(`piece of ${text(29_999)}`);
  expect(asked.get(text(29_999))).toBe(1);
  find(kept, 'first');
  expect(asked.get('first')).toBe(2);
  expect(bytes.toString('utf8', start, end)).toBe('piece of first');
});
