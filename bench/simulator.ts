/** The Amplitude simulator in a process of its own, without rate limits; prints its address and ends with its standard input. */
import { once } from 'node:events';
import { startSimulator } from '../local/simulator.ts';

const [store] = process.argv.slice(2);
if (store === undefined) throw new Error('expected the file of its store as argument');

/** More than any bench sends, for a bench that measures the importer and not how it waits. */
const UNLIMITED = 1_000_000_000;

const simulator = await startSimulator({
  store,
  keep: 'ids',
  switches: { batchEventsPerSecond: UNLIMITED, httpEventsPerSecond: UNLIMITED },
});
console.log(simulator.url);
await once(process.stdin.resume(), 'end');
await simulator.close();
