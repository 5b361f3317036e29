/** Waits for a state instead of for a time. */
import { setTimeout as sleep } from 'node:timers/promises';

const PATIENCE_MS = 20_000;
const PAUSE_MS = 50;

/** The first answer that is not undefined or false; fails with what was waited for, and what `describe` then says. */
export async function until<Answer>(
  what: string,
  ask: () => Promise<Answer | undefined | false>,
  describe: () => string = () => '',
): Promise<Answer> {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > end) throw new Error(`not within ${PATIENCE_MS} ms: ${what}\n${describe()}`);
    await sleep(PAUSE_MS);
  }
}
