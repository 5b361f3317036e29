/** Where what a secret holds is looked for on one machine, and which key of a hash step is none. */
import { expect, test } from 'vitest';
import { checkHashKey, secretVariable } from '../../shared/secrets.ts';

test.each([
  ['shop/hash-key', 'SHOP_HASH_KEY'],
  ['pseudonyms', 'PSEUDONYMS'],
  ['a.b//c 2', 'A_B_C_2'],
])('what the secret %s holds is in %s', (secret, variable) => {
  expect(secretVariable(secret)).toBe(variable);
});

test('a key that could be guessed is refused without being said', () => {
  expect(checkHashKey('0123456789abcdef', 'HASH_KEY')).toBe('0123456789abcdef');
  expect(() => checkHashKey('hunter2hunter2', 'HASH_KEY')).toThrow(
    new Error('HASH_KEY holds a key of 14 characters for hashes; expected at least 16'),
  );
});
