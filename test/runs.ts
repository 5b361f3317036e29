/** How often a property is tried: a fifth of what is wanted, always the same, in `npm test`; all of it, by chance, in `npm run test:long`. */
import fc from 'fast-check';

export const IS_LONG = process.env.TEST_LONG === '1';

if (!IS_LONG) fc.configureGlobal({ seed: 20261122 });

export function runs(wanted: number): number {
  return IS_LONG ? wanted : Math.ceil(wanted / 5);
}
