/** Waits for a state instead of for a time. */
import { setTimeout as sleep } from 'node:timers/promises';

/** On a machine with much else to do; it costs nothing where all goes well. */
const PATIENCE_MS = 90_000;
const PAUSE_MS = 50;

/** The first answer that is not undefined or false; fails with what was waited for, and what `describe` then says. `patience` is in ms. */
export async function until<Answer>(
  what: string,
  ask: () => Promise<Answer | undefined | false>,
  describe: () => string = () => '',
  patience = PATIENCE_MS,
): Promise<Answer> {
  const end = Date.now() + patience;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > end) throw new Error(`not within ${patience} ms: ${what}\n${describe()}`);
    await sleep(PAUSE_MS);
  }
}
