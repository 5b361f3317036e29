/** What goes wrong at Amplitude, besides what its simulator refuses by itself. */
import { type Fault, FAULTS, type NextFault } from '../../local/simulator-faults.ts';
import type { Odds, Strikes } from './strikes.ts';

/** With all the kinds it is about every fourth request, until each has struck as often as it may. */
const AMONG = 60;

const ALWAYS: Readonly<Record<string, Fault>> = {
  'Amplitude: 503': FAULTS.unavailable(),
  'Amplitude: 500 in HTML before it stored': FAULTS.serverError(500, { ingest: false }),
  'Amplitude: 502 in HTML after it stored': FAULTS.serverError(502, { ingest: true }),
  'Amplitude: 504 without a body after it stored': FAULTS.emptyBody(504, { ingest: true }),
  'Amplitude: 200 without a body after it stored': FAULTS.emptyBody(200, { ingest: true }),
  'Amplitude: 200 that is no JSON after it stored': FAULTS.notJson(200, { ingest: true }),
  'Amplitude: 200 around a 429': FAULTS.throttledInBody(),
  'Amplitude: 429 naming nobody': FAULTS.answer(429, { code: 429, error: 'Rate limit exceeded' }),
  'Amplitude: connection reset before it stored': FAULTS.reset({ ingest: false }),
  'Amplitude: answer lost after it stored': FAULTS.reset({ ingest: true }),
  'Amplitude: no answer in time after it stored': FAULTS.hang({ ingest: true }),
  'Amplitude: slow': FAULTS.latency(400),
};

/** What blames the events: of one that is alone in its request it would be believed. */
const UNLESS_ALONE: Readonly<Record<string, Fault>> = {
  'Amplitude: 403 in HTML': FAULTS.forbidden(),
  'Amplitude: 400 naming nobody': FAULTS.answer(400, { code: 400, error: 'Invalid event JSON' }),
  'Amplitude: 413': FAULTS.answer(413, { code: 413, error: 'Payload too large' }),
};

const REFUSES_GZIP = 'Amplitude: refuses gzip';

/** `times` each kind may strike. */
export function amplitudeOdds(times: number): Readonly<Record<string, Odds>> {
  const names = [...Object.keys(ALWAYS), ...Object.keys(UNLESS_ALONE), REFUSES_GZIP];
  return Object.fromEntries(names.map((name) => [name, { among: AMONG, times }]));
}

export function amplitudeTroubles(strikes: Strikes): NextFault {
  return ({ body, gzip }) => {
    const faults = body.includes('\n') ? { ...ALWAYS, ...UNLESS_ALONE } : ALWAYS;
    const struck = Object.keys(faults).find(strikes);
    if (struck !== undefined) return faults[struck];
    return gzip && strikes(REFUSES_GZIP) ? FAULTS.gzipRefused(415) : undefined;
  };
}
