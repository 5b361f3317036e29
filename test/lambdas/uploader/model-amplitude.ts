/** An Amplitude that is a function: what it makes of events follows from the events alone. */
import type { ChunkEvent } from '../../../lambdas/uploader/chunk-events.ts';
import type { Named, Verdict } from '../../../lambdas/uploader/read-verdict.ts';

/** What it has against an event: `poison` it does not say, everything else it names. */
export type Flaw = 'none' | 'invalid' | 'silenced' | 'throttled' | 'over quota' | 'poison';

export type ModelRules = {
  /** More events than so many are too large a request. */
  readonly maxEvents: number;
  /** Which flaws it looks for first; it tells only those of one kind at a time. */
  readonly order: readonly Flaw[];
  /** It names only the first event. */
  readonly firstOnly: boolean;
  /** It names by device instead of by index, where it can. */
  readonly byDevice: boolean;
};

/** Its position tells the events of a model apart. */
export function eventWith(flaw: Flaw, position: number): ChunkEvent {
  return { text: flaw, position, deviceId: `${flaw}-${position % 3}`, userId: undefined };
}

export const NOBODY: Named = { indexes: new Set(), devices: new Set(), users: new Set() };
export const NAMED = {
  kind: 'named',
  invalid: new Map<number, string>(),
  silenced: NOBODY,
  throttled: NOBODY,
  overQuota: NOBODY,
} as const;

export function modelAmplitude(rules: ModelRules) {
  const stored: ChunkEvent[] = [];
  let requests = 0;
  return {
    stored,
    requests: () => requests,
    async send(events: readonly ChunkEvent[]): Promise<Verdict> {
      requests += 1;
      if (events.length > rules.maxEvents) return { kind: 'too-large' };
      const flaw = rules.order.find((one) => events.some(({ text }) => text === one));
      if (flaw !== undefined) return complain(events, flaw, rules);
      stored.push(...events);
      return { kind: 'delivered' };
    },
  };
}

function complain(events: readonly ChunkEvent[], flaw: Flaw, { firstOnly, byDevice }: ModelRules): Verdict {
  const all = [...events.keys()].filter((index) => events[index]?.text === flaw);
  const indexes = firstOnly ? all.slice(0, 1) : all;
  const devices = indexes.map((index) => events[index]?.deviceId ?? '');
  const named: Named = byDevice ? { ...NOBODY, devices: new Set(devices) } : { ...NOBODY, indexes: new Set(indexes) };
  switch (flaw) {
    case 'invalid':
      return { ...NAMED, invalid: new Map(indexes.map((index) => [index, 'Amplitude: invalid'])) };
    case 'silenced':
      return { ...NAMED, silenced: named };
    case 'throttled':
      return { ...NAMED, throttled: named };
    case 'over quota':
      return { ...NAMED, overQuota: named };
    case 'poison':
    case 'none':
      return { kind: 'unexplained', isJudged: true, reason: 'HTTP 400' };
  }
}
