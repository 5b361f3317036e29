/**
 * `npm run chaos`: many scenarios on the embedded engine, or with `--aws` one long one on the stack as deployed; then how
 * often each kind of trouble was met.
 */
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { runChaos } from '../aws/run-chaos.ts';
import type { Fired } from './life.ts';
import { runScenario } from './run-scenario.ts';
import { scenarios } from './scenario.ts';

const { values } = parseArgs({
  options: {
    aws: { type: 'boolean' },
    runs: { type: 'string' },
    seed: { type: 'string' },
    path: { type: 'string' },
  },
});
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
const began = Date.now();

if (values.aws) await runAws();
else await runEmbedded();

async function runEmbedded(): Promise<void> {
  const numRuns = Number(values.runs ?? 200);
  const fired: Fired = {};
  let done = 0;
  const details = await fc.check(
    fc.asyncProperty(scenarios, async (scenario) => {
      await runScenario(scenario, fired);
      done += 1;
      if (process.stderr.isTTY || process.env.CHAOS_TRACE)
        console.error(done, Date.now() - began, JSON.stringify(scenario));
    }),
    { numRuns, seed, ...(values.path !== undefined && { path: values.path }), endOnFailure: values.path !== undefined },
  );
  report(fired, `${done} runs`);
  if (!details.failed) return;
  console.error(fc.defaultReportMessage(details));
  process.exitCode = 1;
}

async function runAws(): Promise<void> {
  // Also when it fails, or is broken off.
  console.log(`seed ${seed}`);
  const fired = await runChaos({ seed, dumps: 4, records: 1_000, times: 3 });
  report(fired, '1 run');
  const unseen = Object.keys(fired).filter((name) => fired[name] === 0);
  if (unseen.length === 0) return;
  console.error(`never met: ${unseen.join(', ')}`);
  process.exitCode = 1;
}

function report(fired: Fired, runs: string): void {
  for (const [what, times] of Object.entries(fired).toSorted(([a], [b]) => a.localeCompare(b))) {
    console.log(`${String(times).padStart(8)}  ${what}`);
  }
  console.log(`${runs} in ${((Date.now() - began) / 1000).toFixed(0)} s, seed ${seed}`);
}
