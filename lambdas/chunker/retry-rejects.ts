/** Goes through all rejects of a dump, in the dump's order, and says what becomes of each under the configuration of now. */
import { gunzipSync } from 'node:zlib';
import { currentAttempt } from '../../shared/amendment.ts';
import { sumBooks } from '../../shared/books.ts';
import type { Source } from '../../shared/config.ts';
import { dumpUrl } from '../../shared/dump.ts';
import type { DumpEntry, Ledger } from '../../shared/ledger.ts';
import type { Dumps, Results } from '../../shared/objects.ts';
import { rejectsFolder } from '../../shared/receipt.ts';
import { parseReject, type Reject, segmentOfRejects } from '../../shared/rejects.ts';
import { recordFinder } from './find-records.ts';
import { openRoute } from './route.ts';
import type { TransformOf } from './transform.ts';
import { keepReject, needsRecord, type Remade, remakeReject } from './remake-reject.ts';

export type RetryRequest = {
  /** Of a closed dump: its rejects no longer change. */
  readonly entry: DumpEntry;
  readonly source: Source;
  /** Which to run again; the others stay as they are. By default all. */
  isWanted?(reject: Reject): boolean;
  /** Run again at most so many. */
  readonly limit?: number;
};

export type RetryPorts = {
  readonly ledger: Pick<Ledger, 'segments'>;
  readonly results: Pick<Results, 'get' | 'list'>;
  /** Opens what makes events of the source's records. */
  readonly transformOf: TransformOf;
  /** Left out when the dump is gone, or is another one by now. */
  readonly dumps?: Dumps | undefined;
};

export type Retried = {
  readonly reject: Reject;
  /** `kept`: it cannot be run again, since what it was made of is gone. */
  readonly kind: 'tried' | 'unwanted' | 'kept';
  readonly remade: Exclude<Remade, { kind: 'kept' }>;
};

/** Throws at the end when the rejects files do not hold what the books count. */
export async function* retryRejects(request: RetryRequest, ports: RetryPorts): AsyncGenerator<Retried> {
  const { entry, source, limit = Number.POSITIVE_INFINITY, isWanted = () => true } = request;
  const transform = await ports.transformOf(source);
  const remaking = { source, transform, route: openRoute(source), dump: entry.dump.key };
  const finder = recordFinder(entry.dump, source, ports.dumps);
  const found = { unusable: 0, refused: 0 };
  let wanted = 0;
  try {
    for (const keys of await listBySegment(entry, ports.results)) {
      const rejects = (await Promise.all(keys.map((key) => readRejects(key, ports.results)))).flat();
      const chosen = rejects
        .toSorted((a, b) => a.position - b.position)
        .map((reject) => ({ reject, isChosen: wanted < limit && isWanted(reject) && ++wanted > 0 }));
      const needed = chosen.filter(({ reject, isChosen }) => isChosen && needsRecord(reject, source));
      const records = await finder.find(new Set(needed.map(({ reject }) => reject.position)));
      for (const { reject, isChosen } of chosen) {
        found[reject.kind] += 1;
        const record = needsRecord(reject, source) ? records.get(reject.position) : undefined;
        const remade = isChosen ? await remakeReject(reject, record, remaking) : undefined;
        if (!remade) yield { reject, kind: 'unwanted', remade: keepReject(reject) };
        else if (remade.kind === 'kept') yield { reject, kind: 'kept', remade: keepReject(reject) };
        else yield { reject, kind: 'tried', remade };
      }
    }
  } finally {
    await finder.close();
  }
  await checkFound(found, entry, ports.ledger);
}

/** Keys of the rejects files, those of a segment together, in the order of the segments and so of the dump. */
export async function listBySegment(entry: DumpEntry, results: Pick<Results, 'list'>): Promise<string[][]> {
  const keys = await results.list(`${rejectsFolder(entry, currentAttempt(entry))}/`);
  const bySegment = Map.groupBy(keys, segmentOfRejects);
  bySegment.delete(undefined);
  return [...bySegment].toSorted(([a = 0], [b = 0]) => a - b).map(([, files]) => files);
}

const NEWLINE = 0x0a;

/** Throws when the file is gone, or holds what is no reject. */
export async function readRejects(key: string, results: Pick<Results, 'get'>): Promise<Reject[]> {
  const file = await results.get(key);
  if (!file) throw new Error(`${key} is gone since it was listed`);
  const text = gunzipSync(file);
  const rejects: Reject[] = [];
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf(NEWLINE, start);
    const end = newline === -1 ? text.length : newline;
    try {
      rejects.push(parseReject(text.toString('utf8', start, end)));
    } catch (cause) {
      throw new Error(`cannot read reject ${rejects.length + 1} of ${key}`, { cause });
    }
    start = end + 1;
  }
  return rejects;
}

/** What is missing would be lost by an amendment, and what is too much counted as another's. */
async function checkFound(
  found: { readonly unusable: number; readonly refused: number },
  entry: DumpEntry,
  ledger: RetryPorts['ledger'],
): Promise<void> {
  const { unusable, refused } = sumBooks(await ledger.segments(entry));
  if (found.unusable === unusable && found.refused === refused) return;
  throw new Error(
    `the rejects files of ${dumpUrl(entry.dump)} hold ${found.unusable} records and ${found.refused} events, the ledger ` +
      `counts ${unusable} and ${refused}: its rejects cannot be run again; mend the files in ` +
      `${rejectsFolder(entry, currentAttempt(entry))}, or read the dump once more`,
  );
}
