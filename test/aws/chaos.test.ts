/** A short chaos run of the stack as deployed; `npm run chaos -- --aws` is a longer one. */
import { expect, test } from 'vitest';
import { runChaos } from './run-chaos.ts';

/** `CHAOS_SEED=…` replays another one. */
const SEED = Number(process.env.CHAOS_SEED ?? 20261121);

test('whatever is killed, fails or comes twice on AWS: what is stored is what is valid, once, and the books close', async () => {
  const fired = await runChaos({ seed: SEED, dumps: 2, records: 300, times: 1 });
  const unseen = Object.keys(fired).filter((name) => fired[name] === 0);
  expect(unseen, 'every kind of trouble struck').toEqual([]);
}, 600_000);
