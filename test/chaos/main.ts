/** `npm run chaos`: many scenarios, then how often each kind of trouble was met. */
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import type { Fired } from './life.ts';
import { runScenario } from './run-scenario.ts';
import { scenarios } from './scenario.ts';

const { values } = parseArgs({
  options: { runs: { type: 'string' }, seed: { type: 'string' }, path: { type: 'string' } },
});
const numRuns = Number(values.runs ?? 200);
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
const fired: Fired = {};
let done = 0;
const began = Date.now();

const details = await fc.check(
  fc.asyncProperty(scenarios, async (scenario) => {
    await runScenario(scenario, fired);
    done += 1;
    if (process.stderr.isTTY || process.env.CHAOS_TRACE)
      console.error(done, Date.now() - began, JSON.stringify(scenario));
  }),
  { numRuns, seed, ...(values.path !== undefined && { path: values.path }), endOnFailure: values.path !== undefined },
);
for (const [what, times] of Object.entries(fired).toSorted(([a], [b]) => a.localeCompare(b))) {
  console.log(`${String(times).padStart(8)}  ${what}`);
}
console.log(`${done} runs in ${((Date.now() - began) / 1000).toFixed(0)} s, seed ${seed}`);
if (details.failed) {
  console.error(fc.defaultReportMessage(details));
  process.exitCode = 1;
}
