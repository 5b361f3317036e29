/** Finds the dump that a person means among those with a receipt: by its id, its path or address, or a part of that. */
import { resolve } from 'node:path';
import { dumpUrl, resultsPrefix } from '../shared/dump.ts';
import type { DumpEntry, Ledger } from '../shared/ledger.ts';
import type { Results } from '../shared/objects.ts';
import type { Receipt } from '../shared/receipt.ts';
import { UsageError } from './usage.ts';

export type FindPorts = {
  readonly ledger: Pick<Ledger, 'entry'>;
  readonly results: Pick<Results, 'get' | 'list'>;
};

/** The ledger cannot be searched; receipts can, and a dump that was ever closed has one. Throws a UsageError when it is none, or several. */
export async function findReceipt(name: string, { ledger, results }: FindPorts): Promise<DumpEntry> {
  const named = await ledger.entry(name);
  if (named) return named;
  const keys = await results.list('receipts/');
  const likely = keys.filter((key) => key.startsWith(likelyPrefix(name)));
  const found = (await matching(name, likely, results)) ?? (await matching(name, keys, results)) ?? [];
  const [only, ...others] = found;
  if (others.length > 0) {
    const list = found.map(({ dump, dumpId }) => `  ${dumpId}  ${dump}`).join('\n');
    throw new UsageError(`"${name}" is part of ${found.length} dumps; name one by its id:\n${list}`);
  }
  const entry = only && (await ledger.entry(only.dumpId));
  if (entry) return entry;
  throw new UsageError(
    `no dump that has a receipt is known as "${name}"; expected its id, its path or address, or a part of that`,
  );
}

/** What the key of its receipt begins with, if the whole path or address was given. */
function likelyPrefix(name: string): string {
  return resultsPrefix('receipts', { key: name }, '');
}

async function matching(
  name: string,
  keys: readonly string[],
  results: FindPorts['results'],
): Promise<readonly Receipt[] | undefined> {
  const found: Receipt[] = [];
  for (const key of keys) {
    const file = await results.get(key);
    // Written by this project alone.
    const receipt = file && (JSON.parse(file.toString()) as Receipt);
    if (receipt && isNamed(receipt.dump, name)) found.push(receipt);
  }
  const exact = found.filter(({ dump }) => dump === name || dump === resolve(name));
  if (exact.length === 1) return exact;
  return found.length > 0 ? found : undefined;
}

function isNamed(url: string, name: string): boolean {
  return url.includes(name) || url === resolve(name);
}

/** How a person knows it. */
export function nameOf({ dump, dumpId }: DumpEntry): string {
  return `${dumpUrl(dump)} (${dumpId})`;
}
