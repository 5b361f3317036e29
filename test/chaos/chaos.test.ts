/** A short run of the chaos suite; `npm run chaos` is the long one. */
import fc from 'fast-check';
import { test } from 'vitest';
import { runScenario } from './run-scenario.ts';
import { scenarios } from './scenario.ts';
import { runs } from '../runs.ts';

test('whatever is killed, fails, is throttled or comes twice: what is stored is what is valid, once, and the books close', async () => {
  const fired = {};
  await fc.assert(
    fc.asyncProperty(scenarios, (scenario) => runScenario(scenario, fired)),
    { numRuns: runs(15), seed: 20261121 },
  );
}, 120_000);
