/** Runs the stages on an endless dump into a sink: the chunker and the uploader by themselves, or the embedded engine. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { endlessDump } from './endless-dump.ts';
import { runMeasured, startMeasured, type Took } from './run-measured.ts';
import { startSink } from './start-child.ts';

export const STAGES = ['chunker', 'uploader', 'embedded'] as const;
export type Stage = (typeof STAGES)[number];

/** Of some stages, on a dump of so many events. */
export type MeasuredStages = {
  readonly events: number;
  readonly took: Readonly<Partial<Record<Stage, Took>>>;
  /** What was lost or doubled on the way to the sink; nothing when all is well. */
  readonly problems: readonly string[];
};

/**
 * V8's young generation grows with time to what it may have, whatever lives in it: 3 times 8 MB here. In a function it may have
 * 3 times 5 % of the function's memory, which Lambda's runtime sets. Neither has to do with the dump.
 */
const YOUNG = { options: ['--max-semi-space-size=8'] };
/** What `s3-to-amplitude import` starts itself anew with; the functions of AWS have no setting of glibc. */
const LEAN = { ...YOUNG, env: { MALLOC_TRIM_THRESHOLD_: '131072' } };

const scriptOf = (name: string) => join(import.meta.dirname, `run-${name}.ts`);

/** The chunker's messages go to the uploader through a pipe, which is as long as the uploader can follow. */
export async function measurePiped(megabytes: number): Promise<MeasuredStages> {
  const { events } = endlessDump(megabytes * 1e6);
  const sink = await startSink();
  try {
    await sink.begin(events);
    const chunker = startMeasured({ script: scriptOf('chunker'), args: [String(megabytes), 'send'], ...YOUNG });
    const args = [sink.url, 'gzip'];
    const uploader = startMeasured({ script: scriptOf('uploader'), args, input: chunker.output, ...YOUNG });
    const [ofChunker, ofUploader] = await Promise.all([chunker.took, uploader.took, text(uploader.output)]);
    const { loss } = await sink.found();
    const problems = loss === undefined ? [] : [`chunker and uploader: ${loss}`];
    return { events, took: { chunker: ofChunker, uploader: ofUploader }, problems };
  } finally {
    await sink.close();
  }
}

export async function measureEmbedded(megabytes: number): Promise<MeasuredStages> {
  const { events } = endlessDump(megabytes * 1e6);
  const state = mkdtempSync(join(tmpdir(), 's3-to-amplitude-bench-'));
  const sink = await startSink();
  try {
    await sink.begin(events);
    const args = [String(megabytes), sink.url, join(state, 'state')];
    const { printed, ...embedded } = await runMeasured({ script: scriptOf('engine'), args, ...LEAN });
    const { loss } = await sink.found();
    const isWhole = (JSON.parse(printed) as { delivered?: number }).delivered === events;
    const problems = [
      ...(loss === undefined ? [] : [`embedded: ${loss}`]),
      ...(isWhole ? [] : [`embedded: the receipt of ${events} events is ${printed}`]),
    ];
    return { events, took: { embedded }, problems };
  } finally {
    await sink.close();
    rmSync(state, { recursive: true, force: true });
  }
}
