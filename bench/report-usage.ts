/** Preloaded into a measured process (`--import`): writes what it used into the file that BENCH_USAGE names, as it exits. */
import { readFileSync, writeFileSync } from 'node:fs';

export type Usage = { readonly peakMb: number; readonly cpuSeconds: number };

process.once('exit', () => {
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  const usage: Usage = { peakMb: peakKb() / 1024, cpuSeconds: (userCPUTime + systemCPUTime) / 1e6 };
  if (process.env.BENCH_USAGE) writeFileSync(process.env.BENCH_USAGE, JSON.stringify(usage));
});

/** Linux's `maxRSS` begins with the parent's, which `VmHWM` does not. */
function peakKb(): number {
  try {
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
    if (peak) return Number(peak[1]);
  } catch {
    // no Linux
  }
  return process.resourceUsage().maxRSS;
}
