/** One process that loads a million rows, as a lookup's table or as a Map, and prints what that took. */
import type { LookupFile } from '../lambdas/chunker/enrich/load-lookup.ts';
import { loadLookup } from '../lambdas/chunker/enrich/load-lookup.ts';
import { LOOKUP_MEMORY } from '../lambdas/chunker/enrich/lookup-tables.ts';
import { fileReferences } from '../shared/embedded/references.ts';

export type MeasuredLookup = {
  readonly rows: number;
  readonly seconds: number;
  /** Growth of the resident set at its peak, and after loading. */
  readonly peakMb: number;
  readonly keptMb: number;
  /** Of CPU, for a key of the hottest thousand, and of all in no order. */
  readonly nsHot: number;
  readonly nsCold: number;
};

const MB = 1_000_000;
const FINDS = 1_000_000;
const COLUMNS = ['plan', 'name', 'city', 'seats', 'active'];

const [, , kind = 'table', file = '', count = ''] = process.argv;
const rows = Number(count);
const rssBefore = process.memoryUsage().rss;
const began = performance.now();
const find = kind === 'table' ? await loadTable() : loadMap();
const seconds = (performance.now() - began) / 1_000;
const peakMb = (process.resourceUsage().maxRSS * 1_024 - rssBefore) / MB;
globalThis.gc?.();
const keptMb = (process.memoryUsage().rss - rssBefore) / MB;
const measured: MeasuredLookup = { rows, seconds, peakMb, keptMb, nsHot: nsPerFind(1_000), nsCold: nsPerFind(rows) };
console.log(JSON.stringify(measured));

async function loadTable() {
  const references = fileReferences((path) => path);
  const lookup: LookupFile = { file, column: 'user', columns: COLUMNS, duplicates: 'refuse' };
  const memory = { max: LOOKUP_MEMORY, used: 0 };
  const { table } = await loadLookup(lookup, await references.find(file), references.bytes, memory);
  return (key: string) => table.find(key);
}

/** What a program would do that thinks nothing of it; without reading a file. */
function loadMap() {
  const map = new Map<string, readonly string[]>();
  for (let i = 0; i < rows; i += 1) {
    map.set(`user-${i}`, [
      `plan-${i % 5}`,
      `Name ${i}`,
      `city ${i % 1_000}`,
      String(i % 90),
      i % 3 === 0 ? 'yes' : 'no',
    ]);
  }
  return (key: string) => map.get(key);
}

/** CPU time: the machine may be busy with other things. */
function nsPerFind(among: number): number {
  const keys = Array.from({ length: FINDS }, (_, i) => `user-${(i * 104_729) % among}`);
  for (const key of keys.slice(0, 100_000)) find(key);
  const before = process.cpuUsage();
  let found = 0;
  for (const key of keys) if (find(key) !== undefined) found += 1;
  const { user, system } = process.cpuUsage(before);
  if (found !== FINDS) throw new Error(`found ${found} of ${FINDS} keys`);
  return ((user + system) * 1_000) / FINDS;
}
