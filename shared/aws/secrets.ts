/** API keys from Secrets Manager, kept for five minutes so that a rotated key is taken up by itself. */
import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { Project } from '../config.ts';

const KEPT_MS = 300_000;

/** The key of a project; throws what failed and which secret, never its value. */
export function secretKeys(client: SecretsManagerClient, now: () => number): (project: Project) => Promise<string> {
  const kept = new Map<string, { readonly key: string; readonly until: number }>();
  return async ({ secret }) => {
    const known = kept.get(secret);
    if (known && known.until > now()) return known.key;
    const key = await readKey(client, secret);
    kept.set(secret, { key, until: now() + KEPT_MS });
    return key;
  };
}

async function readKey(client: SecretsManagerClient, secret: string): Promise<string> {
  let value: string | undefined;
  try {
    value = (await client.send(new GetSecretValueCommand({ SecretId: secret }))).SecretString;
  } catch (cause) {
    throw new Error(`cannot read the secret ${secret}, which should hold Amplitude's API key`, { cause });
  }
  const key = value?.trim().startsWith('{') ? keyOfJson(value) : value?.trim();
  if (!key) throw new Error(`the secret ${secret} holds no API key: expected the key itself, or JSON {"apiKey": "…"}`);
  return key;
}

function keyOfJson(value: string): string | undefined {
  try {
    const { apiKey } = JSON.parse(value) as { apiKey?: unknown };
    return typeof apiKey === 'string' ? apiKey : undefined;
  } catch {
    return undefined;
  }
}
