/** What a process can only be started with: its memory does not grow with the length of an import, and its code is loaded compiled. */
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

/**
 * glibc keeps most of what is freed, once it has seen a large buffer freed: an import of 1 GB then takes 320 MB instead
 * of 280 (docs/benchmarks.md). Told a threshold at its start, it gives the memory back.
 */
const MALLOC_SETTING = { name: 'MALLOC_TRIM_THRESHOLD_', value: '131072' };

/** V8 lets its young generation grow to 134 MB, whatever lives in it; 3 times 8 MB are enough. */
const V8_SETTING = '--max-semi-space-size=8';

/**
 * Where Node keeps what it compiled, without the types, for the next start. Not in /tmp, Node's own choice, where another
 * user could have put something there before.
 */
const COMPILED = join(import.meta.dirname, '..', 'node_modules', '.cache', 'node');

/** Starts this process anew with the settings, under the same process id; where that cannot be, it goes on with those it can still have. */
export function startAnew(): void {
  const { name, value } = MALLOC_SETTING;
  const { NODE_COMPILE_CACHE = COMPILED } = process.env;
  if (process.platform !== 'linux' || process.env[name] !== undefined || !process.execve) {
    enableCompileCache(NODE_COMPILE_CACHE);
    return;
  }
  const args = [process.execPath, V8_SETTING, ...process.execArgv, ...process.argv.slice(1)];
  process.execve(process.execPath, args, { ...process.env, NODE_COMPILE_CACHE, [name]: value });
}
