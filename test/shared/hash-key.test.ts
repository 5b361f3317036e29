/** Where the key of a hash step is looked for on one machine, and which key is none. */
import { expect, test } from 'vitest';
import { checkHashKey, secretVariable } from '../../shared/hash-key.ts';

test.each([
  ['shop/hash-key', 'SHOP_HASH_KEY'],
  ['pseudonyms', 'PSEUDONYMS'],
  ['a.b//c 2', 'A_B_C_2'],
])('the key of the secret %s is in %s', (secret, variable) => {
  expect(secretVariable(secret)).toBe(variable);
});

test('a key that could be guessed is refused without being said', () => {
  expect(checkHashKey('0123456789abcdef', 'HASH_KEY')).toBe('0123456789abcdef');
  expect(() => checkHashKey('hunter2hunter2', 'HASH_KEY')).toThrow(
    new Error('HASH_KEY holds a key of 14 characters for hashes; expected at least 16'),
  );
});
