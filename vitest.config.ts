/** How the tests run: every `*.test.ts` under test/, each file in its own process. */
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // By default one core is left idle, which on a machine with two doubles the time.
    maxWorkers: availableParallelism(),
  },
});
