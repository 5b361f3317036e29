/** One request to Amplitude: what its answer means, and what it adds to the metrics. */
import type { Measure } from '../../shared/metrics.ts';
import type { Amplitude, UploadRequest } from './amplitude.ts';
import { type Answer, readVerdict, type Verdict } from './read-verdict.ts';

export type AskPorts = { readonly amplitude: Amplitude; readonly measure: Measure };

export async function askAmplitude(request: UploadRequest, { amplitude, measure }: AskPorts): Promise<Verdict> {
  const answer = await amplitude.upload(request);
  const verdict = readVerdict(answer);
  measure({ Requests: 1, ...troubleOf(answer, verdict) });
  return verdict;
}

/** What names the events that are at fault, or asks for less of them, is how Amplitude is meant to answer. */
function troubleOf(answer: Answer, verdict: Verdict) {
  if (answer.kind === 'answer' && answer.status === 429) return { RequestsThrottled: 1 };
  const isFailure = ['not-now', 'refused', 'unexplained'].includes(verdict.kind);
  return isFailure ? { RequestsFailed: 1 } : {};
}
