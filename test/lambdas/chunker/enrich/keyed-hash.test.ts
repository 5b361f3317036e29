/** The keyed hash is the HMAC that everybody else computes. */
import { createHmac } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { openKeyedHash } from '../../../../lambdas/chunker/enrich/hash.ts';

const anyText = (maxLength: number) => fc.string({ unit: 'grapheme', maxLength });

test('a keyed hash is HMAC-SHA-256 of the text, whatever the lengths of key and text, one after the other', () => {
  fc.assert(
    fc.property(anyText(200), fc.array(anyText(600), { minLength: 1, maxLength: 4 }), (key, texts) => {
      const hashOf = openKeyedHash(key, { prefix: 'h-' });
      for (const text of texts) {
        expect(hashOf(text)).toBe(`h-${createHmac('sha256', key).update(text).digest('hex')}`);
      }
    }),
  );
});

test.each([0, 63, 64, 65])('a key of %i bytes', (length) => {
  const key = 'k'.repeat(length);
  const expected = createHmac('sha256', key).update('anna').digest('base64url').slice(0, 16);
  expect(openKeyedHash(key, { encoding: 'base64url', length: 16 })('anna')).toBe(expected);
});
