/** What secrets hold: where that is found on one machine, and what is no key of a hash step. */

/** Characters of a key at least; `openssl rand -hex 32` makes 64. A short one could be guessed, and every pseudonym with it. */
const MIN_LENGTH = 16;

/** The environment variable that holds what a secret holds, in the embedded engine: `shop/hash-key` is in SHOP_HASH_KEY. */
export function secretVariable(secret: string): string {
  return secret.toUpperCase().replaceAll(/[^A-Z0-9]+/g, '_');
}

/** The key; throws when it is too short. `where` is said, the key never is. */
export function checkHashKey(key: string, where: string): string {
  if (key.length >= MIN_LENGTH) return key;
  throw new Error(`${where} holds a key of ${key.length} characters for hashes; expected at least ${MIN_LENGTH}`);
}
