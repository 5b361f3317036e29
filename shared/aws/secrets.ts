/** Keys from Secrets Manager: API keys, kept for five minutes so that a rotated one is taken up by itself, and keys for hashes. */
import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { Project } from '../config.ts';
import { checkHashKey } from '../secrets.ts';

const KEPT_MS = 300_000;

/** The key of a project; throws what failed and which secret, never its value. */
export function secretKeys(client: SecretsManagerClient, now: () => number): (project: Project) => Promise<string> {
  const kept = new Map<string, { readonly key: string; readonly until: number }>();
  return async ({ secret }) => {
    const known = kept.get(secret);
    if (known && known.until > now()) return known.key;
    const key = await readSecret(client, secret, API_KEY);
    kept.set(secret, { key, until: now() + KEPT_MS });
    return key;
  };
}

/**
 * The key for pseudonyms that a secret holds, read each time it is called; throws what failed and which secret, never
 * its value.
 */
export function hashKeys(client: SecretsManagerClient): (secret: string) => Promise<string> {
  return async (secret) => checkHashKey(await readSecret(client, secret, HASH_KEY), `the secret ${secret}`);
}

type Content = { readonly what: string; readonly field: string };
const API_KEY: Content = { what: "Amplitude's API key", field: 'apiKey' };
const HASH_KEY: Content = { what: 'a key for hashes', field: 'hashKey' };

async function readSecret(client: SecretsManagerClient, secret: string, { what, field }: Content): Promise<string> {
  let value: string | undefined;
  try {
    value = (await client.send(new GetSecretValueCommand({ SecretId: secret }))).SecretString;
  } catch (cause) {
    throw new Error(`cannot read the secret ${secret}, which should hold ${what}`, { cause });
  }
  const key = value?.trim().startsWith('{') ? fieldOfJson(value, field) : value?.trim();
  if (!key) throw new Error(`the secret ${secret} holds no key: expected ${what} itself, or JSON {"${field}": "…"}`);
  return key;
}

function fieldOfJson(value: string, field: string): string | undefined {
  try {
    const { [field]: key } = JSON.parse(value) as Readonly<Record<string, unknown>>;
    return typeof key === 'string' ? key : undefined;
  } catch {
    return undefined;
  }
}
