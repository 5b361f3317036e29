/** What a device, a user and a project may send in a sliding window; what has left the window is forgotten. */
import type { Usage } from './simulator-checks.ts';
import type { SimulatorSwitches } from './simulator-switches.ts';

/** Ids over a limit, each with its number as Amplitude gives it in the answer. */
export type OverLimit = { readonly devices: ReadonlyMap<string, number>; readonly users: ReadonlyMap<string, number> };

/** What the window says about one request. */
export type RateCheck = OverLimit & {
  /** The project itself is over its limit. */
  readonly project: boolean;
  /** Counts the request; until then nothing has changed. */
  count(): void;
};

export type RateWindow = {
  check(apiKey: string, usage: Usage, events: number, now: number): RateCheck;
  /** Notes that these ids were answered 429. */
  pause(apiKey: string, over: OverLimit, now: number): void;
  /** How many ids are remembered. */
  size(): number;
};

type Kind = 'devices' | 'users';
type Tally = { readonly id: string; events: number };
type Tallies = Map<string, Tally>;
type Project = { readonly devices: Tallies; readonly users: Tallies; events: number; requests: number };
/** The tallies of the ids of one request, and what the request adds to each. */
type Share = { readonly tallies: Tally[]; readonly counts: number[]; readonly over: Map<string, number> };
/** What one request added, to be taken back when it leaves the window. */
type Taken = {
  readonly at: number;
  readonly apiKey: string;
  readonly events: number;
  readonly devices: Share;
  readonly users: Share;
};

/** The window of one endpoint, where each device and each user of a project may have so many events a second. */
export function createRateWindow(eventsPerSecond: number, switches: SimulatorSwitches): RateWindow {
  const { windowSeconds, throttlePauseSeconds } = switches;
  const projects = new Map<string, Project>();
  const pauses = createPauses(throttlePauseSeconds * 1_000);
  const history = createHistory(windowSeconds * 1_000, (taken) => takeBack(projects, taken));
  return {
    check(apiKey, usage, events, now) {
      history.forget(now);
      const project = projects.get(apiKey) ?? { devices: new Map(), users: new Map(), events: 0, requests: 0 };
      const share = (kind: Kind): Share =>
        shareOf(project[kind], usage[kind], (id, sum) => {
          const over = sum > eventsPerSecond * windowSeconds || pauses.has(apiKey, kind, id, now);
          return over ? Math.floor(sum / windowSeconds) : undefined;
        });
      const taken = { at: now, apiKey, events, devices: share('devices'), users: share('users') };
      return {
        devices: taken.devices.over,
        users: taken.users.over,
        project: isProjectOver(project, switches),
        count() {
          projects.set(apiKey, project);
          count(project, taken);
          history.add(taken);
        },
      };
    },
    pause: (apiKey, over, now) => pauses.add(apiKey, over, now),
    size: () => [...projects.values()].reduce((sum, { devices, users }) => sum + devices.size + users.size, 0),
  };
}

function isProjectOver({ events, requests }: Project, switches: SimulatorSwitches): boolean {
  const { windowSeconds, projectEventsPerSecond, projectRequestsPerSecond } = switches;
  return (
    (projectEventsPerSecond > 0 && events >= projectEventsPerSecond * windowSeconds) ||
    (projectRequestsPerSecond > 0 && requests >= projectRequestsPerSecond * windowSeconds)
  );
}

/** `rateIfOver` gives an id's rate when its sum, with this request, is over the limit. */
function shareOf(
  known: Tallies,
  usage: ReadonlyMap<string, number>,
  rateIfOver: (id: string, sum: number) => number | undefined,
): Share {
  const share: Share = { tallies: [], counts: [], over: new Map() };
  for (const [id, count] of usage) {
    const tally = known.get(id) ?? { id, events: 0 };
    share.tallies.push(tally);
    share.counts.push(count);
    const rate = rateIfOver(id, tally.events + count);
    if (rate !== undefined) share.over.set(id, rate);
  }
  return share;
}

function count(project: Project, { events, devices, users }: Taken): void {
  project.events += events;
  project.requests++;
  addShare(project.devices, devices);
  addShare(project.users, users);
}

function addShare(known: Tallies, { tallies, counts }: Share): void {
  for (let i = 0; i < tallies.length; i++) {
    const tally = tallies[i] as Tally;
    if (tally.events === 0) known.set(tally.id, tally);
    tally.events += counts[i] as number;
  }
}

function takeBack(projects: Map<string, Project>, { apiKey, events, devices, users }: Taken): void {
  const project = projects.get(apiKey);
  if (project === undefined) return;
  takeShareBack(project.devices, devices);
  takeShareBack(project.users, users);
  project.events -= events;
  project.requests--;
  if (project.requests === 0) projects.delete(apiKey);
}

function takeShareBack(known: Tallies, { tallies, counts }: Share): void {
  for (let i = 0; i < tallies.length; i++) {
    const tally = tallies[i] as Tally;
    tally.events -= counts[i] as number;
    if (tally.events === 0) known.delete(tally.id);
  }
}

/** The requests of the window, oldest first; `leave` is called for each that leaves it. */
function createHistory(windowMs: number, leave: (taken: Taken) => void) {
  const queue: Taken[] = [];
  let head = 0;
  return {
    add: (taken: Taken) => void queue.push(taken),
    forget(now: number): void {
      for (let taken = queue[head]; taken !== undefined && taken.at <= now - windowMs; taken = queue[head]) {
        leave(taken);
        head++;
      }
      if (head < 1_000 && head < queue.length) return;
      queue.splice(0, head);
      head = 0;
    },
  };
}

/** Ids that stay throttled for a while after a 429, whatever their rate then is. */
function createPauses(pauseMs: number) {
  const until = new Map<string, number>();
  const name = (apiKey: string, kind: string, id: string): string => `${apiKey}\n${kind}\n${id}`;
  return {
    has: (apiKey: string, kind: string, id: string, now: number): boolean =>
      until.size > 0 && (until.get(name(apiKey, kind, id)) ?? 0) > now,
    add(apiKey: string, over: OverLimit, now: number): void {
      if (pauseMs === 0) return;
      for (const [key, end] of until) if (end <= now) until.delete(key);
      for (const kind of ['devices', 'users'] as const) {
        for (const id of over[kind].keys()) {
          const key = name(apiKey, kind, id);
          // A pause that is on is not made longer, or a client that tries early would never get through.
          if (!until.has(key)) until.set(key, now + pauseMs);
        }
      }
    },
  };
}
