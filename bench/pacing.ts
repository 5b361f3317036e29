/** Is nobody throttled, and does nobody wait for a hot device? Lanes and pacing against Amplitude's windows, on a virtual clock. */
import { readNumber } from '../cli/usage.ts';
import type { Api } from '../shared/amplitude-limits.ts';
import type { Bench } from './main.ts';
import { type Paced, runOurs, runReacting, type Scenario } from './pacing-run.ts';

/** Promised of all scenarios with the Batch API, and of the span where the bound is over a minute. */
const PROMISED = { throttled: 0.001, sentInVain: 0.0001, medianSpan: 1.15, span: 1.3, others: 1.3, requests: 1.3 };
const LONG_MS = 60_000;

const HELP = `npm run bench -- pacing [options]

Makes chunks of drawn events with the chunker's own code and delivers them with the uploader's own code, 16 at a time, to an
Amplitude that has the simulator's windows and takes 0.3 to 1 s a request, on a clock that jumps. Prints for each scenario:

  span       makespan over the least possible, max(events of the hottest device / limit, all events / throughput)
  others     when 99 % of everybody but the hot device was through, over what throughput alone would take
  429        how many requests were refused        again     events that were sent more than once
  requests   over the fewest possible              held      seconds that a message was held by its function
  late       events that came after a later one of their device and dump

and the same for "queue and react": chunks in the order of the files, and what is answered 429 comes back whole after 30 s.

  --events <n>   of one file, and of 100 parts (default: 4000000); 1,000 parts always have 2,000 each
  --api <name>   batch, http-v2 or all (default: all)
  --react <yes>  no: without the comparison (default: yes)`;

export const pacingBench: Bench = {
  summary: 'hot devices: 429s, makespan and who waits, against queue and react',
  help: HELP,
  options: {
    events: { type: 'string', default: '4000000' },
    api: { type: 'string', default: 'all' },
    react: { type: 'string', default: 'yes' },
  },
  async run(values) {
    const events = readNumber('events', values['events'], 10_000, 100_000_000) ?? 4_000_000;
    const scenarios = scenariosOf(events).filter(({ api }) => values['api'] === 'all' || api === values['api']);
    const measured: (readonly [Scenario, Paced])[] = [];
    console.log(HEADINGS);
    for (const scenario of scenarios) {
      const ours = await runOurs(scenario);
      measured.push([scenario, ours]);
      console.log(`${nameOf(scenario)}  ${format(ours)}`);
      if (values['react'] !== 'no') console.log(`${'  reacting'.padEnd(NAME)}  ${format(await runReacting(scenario))}`);
    }
    return problemsOf(measured);
  },
};

/** Hot devices of all sizes, in time order and sorted by device, in one file and in many; refusals counting in some. */
function scenariosOf(events: number): Scenario[] {
  const parts = [
    { parts: 1, events },
    { parts: 100, events },
    { parts: 1_000, events: 2_000_000 },
  ];
  const of = (api: Api, order: Scenario['order'], hots: readonly number[], refusedEventsCount = false) =>
    parts.flatMap((some) => hots.map((hot) => ({ ...some, api, order, hot, refusedEventsCount })));
  const all = [0.001, 0.01, 0.05, 0.2];
  return [
    ...of('batch', 'time', all),
    ...of('batch', 'device', all),
    ...of('batch', 'time', [0.05, 0.2], true),
    ...of('http-v2', 'time', [0.001, 0.01]),
    ...of('http-v2', 'device', [0.01]),
    ...of('http-v2', 'time', [0.01], true),
  ];
}

const NAME = 44;
const HEADINGS = `${''.padEnd(NAME)}  bound s    span  others     429       again  requests  held s       late`;

function nameOf({ api, order, hot, parts, refusedEventsCount }: Scenario): string {
  const files = parts === 1 ? 'one file' : `${parts} parts`;
  const counting = refusedEventsCount ? ', refused count' : '';
  return `${api} ${100 * hot} % ${order === 'time' ? 'by time' : 'sorted'}, ${files}${counting}`.padEnd(NAME);
}

function format(paced: Paced): string {
  const columns: [string, number][] = [
    [(paced.boundMs / 1_000).toFixed(0), 7],
    [paced.span.toFixed(3), 8],
    [paced.others.toFixed(2), 8],
    [paced.throttled.toLocaleString('en-US'), 8],
    [paced.sentInVain.toLocaleString('en-US'), 12],
    [paced.requestRatio.toFixed(2), 10],
    [paced.heldSeconds.toFixed(0), 8],
    [paced.late.toLocaleString('en-US'), 11],
  ];
  return columns.map(([text, width]) => text.padStart(width)).join('');
}

function problemsOf(measured: readonly (readonly [Scenario, Paced])[]): string[] {
  const problems: string[] = [];
  const spans: number[] = [];
  for (const [scenario, paced] of measured) {
    const expect = (what: string, found: number, most: number) => {
      if (!(found <= most)) problems.push(`${nameOf(scenario).trim()}: ${what} is ${found}, promised at most ${most}`);
    };
    expect('events out of order', paced.late, 0);
    if (scenario.api !== 'batch') continue;
    expect('429s per request', paced.throttled / paced.requests, PROMISED.throttled);
    expect('events sent again', paced.sentInVain / paced.events, PROMISED.sentInVain);
    expect('others', paced.others, PROMISED.others);
    expect('requests', paced.requestRatio, PROMISED.requests);
    if (paced.boundMs <= LONG_MS) continue;
    expect('span', paced.span, PROMISED.span);
    spans.push(paced.span);
  }
  const median = spans.toSorted((a, b) => a - b)[Math.floor(spans.length / 2)];
  if (median !== undefined) console.log(`median span where the bound is over a minute: ${median.toFixed(3)}`);
  if (median !== undefined && median > PROMISED.medianSpan) {
    problems.push(`the median span is ${median.toFixed(3)}, promised at most ${PROMISED.medianSpan}`);
  }
  return problems;
}
