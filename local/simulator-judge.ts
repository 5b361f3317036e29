/** Says whether a request may pass, given what its project sent lately: windows, quotas, silenced devices. */
import { type Refusal, refusalOf } from './simulator-answers.ts';
import type { CheckedEvents } from './simulator-checks.ts';
import { createRateWindow } from './simulator-limits.ts';
import { createDailyQuota } from './simulator-quota.ts';
import type { Upload } from './simulator-request.ts';
import { maxEventsPerSecond, type SimulatorSwitches } from './simulator-switches.ts';

export type Judge = {
  /** No refusal: the request passes, and is counted. */
  judge(upload: Upload, checked: CheckedEvents, now: number): Refusal | undefined;
  /** How many ids the windows remember. */
  rememberedIds(): number;
};

export type JudgeOptions = {
  readonly switches: SimulatorSwitches;
  /** Devices and users taken for spam from the start. */
  readonly spammy: readonly string[];
  /** Devices that are blocked. */
  readonly silenced: readonly string[];
};

export function createJudge({ switches, spammy, silenced }: JudgeOptions): Judge {
  const windows = {
    batch: createRateWindow(maxEventsPerSecond('batch', switches), switches),
    httpapi: createRateWindow(maxEventsPerSecond('httpapi', switches), switches),
  };
  const quota = createDailyQuota(spammy, switches);
  const silencedDevices = new Set(silenced);
  return {
    rememberedIds: () => windows.batch.size() + windows.httpapi.size(),
    judge({ endpoint, apiKey, events }, checked, now) {
      const throttled = windows[endpoint].check(apiKey, checked.usage, events.length, now);
      const overQuota = quota.check(apiKey, checked.usage, events.length, now);
      const refusal = refusalOf({ endpoint, switches, checked, silenced: silencedDevices, throttled, overQuota });
      if (refusal?.kind === 'throttled') {
        windows[endpoint].pause(apiKey, throttled, now);
        quota.noteThrottled(throttled);
      }
      if (refusal === undefined || switches.refusedEventsCount) {
        throttled.count();
        quota.count(apiKey, checked.usage, events.length, now);
      }
      return refusal;
    },
  };
}
