/** Starts a script of the benches that prints its address and ends with its standard input: a sink or a simulator. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describeLoss } from './count-events.ts';
import type { SinkFound } from './sink.ts';

export type Started = { readonly url: string; close(): Promise<void> };

/** `script` is a file of this directory. Throws when it does not start. */
export async function startChild(script: string, ...args: string[]): Promise<Started> {
  const child = spawn(process.execPath, [join(import.meta.dirname, script), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  const url = String((await Promise.race([once(child.stdout, 'data'), closed]))[0]).trim();
  if (!url.startsWith('http')) throw new Error(`${script} did not start: ${url}`);
  return {
    url,
    async close(): Promise<void> {
      child.stdin.end();
      await closed;
    },
  };
}

export type Sink = Started & {
  /**
   * Counts anew, a dump of so many events. `later`: what comes compressed is kept, and counted when asked for, so that unpacking
   * it takes no core from who is measured.
   */
  begin(events: number, when?: 'later'): Promise<void>;
  /** What arrived since, and what of it is not as it should be. */
  found(): Promise<SinkFound & { readonly loss: string | undefined }>;
};

export async function startSink(): Promise<Sink> {
  const started = await startChild('sink.ts');
  let expected = 0;
  return {
    ...started,
    async begin(events, when) {
      expected = events;
      await fetch(`${started.url}/begin?events=${events}${when === undefined ? '' : `&${when}`}`);
    },
    async found() {
      const found = (await (await fetch(`${started.url}/found`)).json()) as SinkFound;
      return { ...found, loss: describeLoss(found, expected) };
    },
  };
}
