/** Keeps the memory of an import from growing with its length, by settings that a process can only be started with. */

/**
 * glibc keeps most of what is freed, once it has seen a large buffer freed: an import of 1 GB then takes 320 MB instead
 * of 280 (docs/benchmarks.md). Told a threshold at its start, it gives the memory back.
 */
const MALLOC_SETTING = { name: 'MALLOC_TRIM_THRESHOLD_', value: '131072' };

/** V8 lets its young generation grow to 134 MB, whatever lives in it; 3 times 8 MB are enough. */
const V8_SETTING = '--max-semi-space-size=8';

/** Starts this process anew with the settings, under the same process id; does nothing where that cannot be, or is so already. */
export function becomeLean(): void {
  const { name, value } = MALLOC_SETTING;
  if (process.platform !== 'linux' || process.env[name] !== undefined || !process.execve) return;
  const args = [process.execPath, V8_SETTING, ...process.execArgv, ...process.argv.slice(1)];
  process.execve(process.execPath, args, { ...process.env, [name]: value });
}
