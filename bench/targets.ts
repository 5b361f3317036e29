/** What is promised in figures, and what one run found of it. */

/** Undefined: not measured in this run. */
export type Found = {
  /** CPU of the chunker by its floor's. */
  readonly passThrough: number | undefined;
  readonly mapped: number | undefined;
  /** CPU seconds per million events. */
  readonly identity: number | undefined;
  readonly gzip: number | undefined;
  /** CPU of an embedded import by theirs. */
  readonly mixpanel: number | undefined;
  readonly usual: number | undefined;
  /** Peak of an embedded import, MB, and of how large a dump that was. */
  readonly memory: number | undefined;
  readonly memoryOf: number | undefined;
  /** Of the largest bundle: KB loaded at its start, and ms from the start of Node until they are. */
  readonly bundle: number | undefined;
  readonly coldStart: number | undefined;
};

type Target = {
  readonly what: string;
  /** What the usual way takes (docs/benchmarks.md). */
  readonly usual: string;
  readonly must: number;
  readonly goal: number;
  readonly digits: number;
  readonly found: (found: Found) => number | undefined;
};

const TARGETS: readonly Target[] = [
  row('chunker CPU / floor, passed through with a join', '7.9', 1.9, 1.3, (found) => found.passThrough),
  row('chunker CPU / floor, mapped by a function', '7.9', 3.5, 2.5, (found) => found.mapped),
  row('uploader CPU s per M events, identity', '11.3', 2.5, 1.8, (found) => found.identity),
  row('uploader CPU s per M events, gzip', '11.3', 0.6, 0.35, (found) => found.gzip),
  row('embedded import, CPU / mixpanel-import', '1', 0.1, 0.06, (found) => found.mixpanel),
  row('embedded import, CPU / the usual script', '1', 0.4, 0.25, (found) => found.usual),
  row('peak MB of an embedded import', '-', 350, 200, (found) => found.memory),
  row('KB that a Lambda loads at its start', '-', 700, 400, (found) => found.bundle),
  row('ms of its cold start on this machine', '-', 250, 150, (found) => found.coldStart),
];

function row(what: string, usual: string, must: number, goal: number, found: Target['found']): Target {
  return { what, usual, must, goal, digits: must > 100 ? 0 : 2, found };
}

export function printTargets(found: Found): void {
  console.log('\ntargets                                             usual    must    goal    this run');
  for (const { what, usual, must, goal, digits, found: pick } of TARGETS) {
    const value = pick(found);
    const limits = [must, goal].map((limit) => limit.toFixed(digits).padStart(8)).join('');
    const reached = value === undefined ? 'not measured' : `${value.toFixed(digits)}  ${judge(value, must, goal)}`;
    console.log(`  ${what.padEnd(48)}${usual.padStart(7)}${limits}    ${reached}`);
  }
  if (found.memoryOf !== undefined && found.memoryOf < 10_000)
    console.log(`  memory is promised for 10 GB (--large 10000); this run's dump had ${found.memoryOf} MB`);
}

function judge(value: number, must: number, goal: number): string {
  if (value <= goal) return 'goal';
  return value <= must ? 'must' : 'missed';
}
