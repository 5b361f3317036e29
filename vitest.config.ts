/** How the tests run: every `*.test.ts` under test/, as many files at a time as there are cores, those that take longest first. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** They start processes and mostly wait for them: begun last, they would run alone at the end. */
const LONGEST = [
  'aws/chaos',
  'chaos/',
  'cli/',
  'runbook',
  'aws/',
  'examples',
  'shared/ledger',
  'usagov',
  'same-events',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const placeOf = ({ moduleId }: TestSpecification): number => {
      const place = LONGEST.findIndex((name) => moduleId.includes(`/test/${name}`));
      return place === -1 ? LONGEST.length : place;
    };
    return (await super.sort(files)).toSorted((a, b) => placeOf(a) - placeOf(b));
  }
}

// Also of the processes that tests start: modules are compiled once, not at each start.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, 'node_modules', '.cache', 'node');

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // For a machine with much else to do.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    pool: 'forks',
    // One process goes from file to file and loads what they share once; no test changes what another one sees.
    isolate: false,
    // One more than there are cores: some tests wait for processes or the clock most of their time.
    maxWorkers: availableParallelism() + 1,
    sequence: { sequencer: LongestFirst },
    setupFiles: ['test/runs.ts'],
  },
});
