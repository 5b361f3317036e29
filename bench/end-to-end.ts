/** A whole import against what people use: the same file, the same sink, in turns, each in a process of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeError } from '../shared/log.ts';
import { generateDump } from './generate-dump.ts';
import { PEERS } from './install-peers.ts';
import { type MeasuredScript, runMeasured, type Took } from './run-measured.ts';
import { type Spread, spreadOf } from './spread.ts';
import { type Sink, startSink } from './start-child.ts';

export const OURS = 's3-to-amplitude import';
export const USUAL = 'the usual script';
export const MIXPANEL = `mixpanel-import ${PEERS['mixpanel-import']}`;
const SDK = `@amplitude/analytics-node ${PEERS['@amplitude/analytics-node']}`;

export type Contestant = {
  readonly name: string;
  readonly eventsPerSecond: Spread;
  readonly cpuPerMillion: Spread;
  readonly peakMb: Spread;
  /** Its CPU by ours in the same round. */
  readonly ratio: Spread;
  /** What the sink missed or had twice in the worst round; undefined when each event arrived exactly once. */
  readonly loss: string | undefined;
};

/** `peers`: a file beside the installed ones, or undefined without them. */
export async function measureEndToEnd(
  megabytes: number,
  rounds: number,
  peers: string | undefined,
): Promise<readonly Contestant[]> {
  const directory = mkdtempSync(join(tmpdir(), 's3-to-amplitude-bench-'));
  const sink = await startSink();
  try {
    const dump = join(directory, 'dump.ndjson.gz');
    console.error(`end to end: writing a dump of ${megabytes} MB`);
    const { events } = await generateDump(dump, { rawBytes: megabytes * 1e6, gzip: true });
    const scripts = scriptsOf(dump, sink.url, peers);
    const runs = new Map<string, Run[]>([...scripts.keys()].map((name) => [name, []]));
    for (let round = 1; round <= rounds; round += 1) {
      for (const [name, scriptOf] of scripts) {
        console.error(`end to end: round ${round} of ${rounds}, ${name}`);
        try {
          runs.get(name)?.push(await runOnce(scriptOf(join(directory, `state-${round}`)), events, sink));
        } catch (error) {
          if (name === OURS) throw error;
          // Whatever ails a peer, the others are measured.
          console.error(`${name} is left out: ${describeError(error)}`);
          scripts.delete(name);
          runs.delete(name);
        }
      }
    }
    return [...runs].map(([name, own]) => contestantOf(name, own, runs.get(OURS) ?? [], events));
  } finally {
    await sink.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

type Run = Took & { readonly loss: string | undefined };

function scriptsOf(
  dump: string,
  endpoint: string,
  peers: string | undefined,
): Map<string, (state: string) => MeasuredScript> {
  const here = import.meta.dirname;
  const config = join(here, 'bench.config.ts');
  const importer = join(here, '..', 'cli', 'main.ts');
  const options = ['--config', config, '--endpoint', endpoint, '--source', 'bench', '--json', '--state'];
  const peer = (name: string, ...more: string[]) => ({
    script: join(here, 'peers', `${name}.ts`),
    args: [dump, endpoint, ...more],
  });
  return new Map<string, (state: string) => MeasuredScript>([
    [OURS, (state) => ({ script: importer, args: ['import', dump, ...options, state] })],
    [USUAL, () => peer('usual-script')],
    ...(peers === undefined
      ? []
      : ([
          [MIXPANEL, () => peer('mixpanel-import', peers)],
          [SDK, () => peer('amplitude-node', peers)],
        ] as const)),
  ]);
}

async function runOnce(script: MeasuredScript, events: number, sink: Sink): Promise<Run> {
  await sink.begin(events);
  const { printed: _, ...took } = await runMeasured(script);
  const { loss } = await sink.found();
  return { ...took, loss };
}

function contestantOf(name: string, own: readonly Run[], ours: readonly Run[], events: number): Contestant {
  return {
    name,
    eventsPerSecond: spreadOf(own.map(({ seconds }) => events / seconds)),
    cpuPerMillion: spreadOf(own.map(({ cpuSeconds }) => (cpuSeconds / events) * 1e6)),
    peakMb: spreadOf(own.map(({ peakMb }) => peakMb)),
    ratio: spreadOf(own.map(({ cpuSeconds }, i) => cpuSeconds / (ours[i]?.cpuSeconds ?? Number.NaN))),
    loss: own.find(({ loss }) => loss !== undefined)?.loss,
  };
}
