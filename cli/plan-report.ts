/** What a plan says: a report for people, a line of JSON for machines. */
import { relative } from 'node:path';
import { toIso } from '../shared/receipt.ts';
import { dollars, duration, type Figure, n } from './figure.ts';
import type { Hit } from './heavy-hitters.ts';
import { describeRecords, type Plan, type ProjectFigures } from './plan-figures.ts';
import type { ScannedDump } from './plan-scan.ts';
import type { ApiPlan } from './plan-times.ts';

const API_NAMES = { batch: 'Batch', 'http-v2': 'HTTP V2' } as const;

const BOUNDS = {
  device: 'the busiest device',
  user: 'the busiest user',
  uploads: 'the uploads',
  project: 'projectEventsPerSecond',
} as const;

/** Several lines without a newline at the end. `explain` puts under each figure the arithmetic that gave it. */
export function formatPlan(plan: Plan, explain: boolean): string {
  const { figures, apis, time, cost, advice, dangers } = plan;
  const write = lineWriter(explain);
  write.title(`source ${plan.source}, ${plan.path}`);
  for (const dump of plan.dumps) write.plain(...describeDump(dump));
  write.title('what is in it');
  write.figure('records', figures.records);
  write.figure('events', figures.events);
  write.figure('event volume', figures.volume);
  write.figure('users', figures.users);
  write.figure('devices', figures.devices);
  write.figure('property updates', figures.propertyUpdates);
  write.figure('an event', figures.bytesPerEvent);
  write.plain('time', describeSpan(plan));
  writeHits(write, plan);
  for (const [reason, count] of Object.entries(plan.reasons)) write.plain('rejects', `${n(count)}  ${reason}`);
  for (const project of plan.projects ?? []) writeProject(write, project);
  for (const api of [apis.batch, apis['http-v2']]) {
    write.title(`with ${API_NAMES[api.api]}${plan.projects ? ', all projects' : ''}`);
    writeApi(write, api);
  }
  write.title(`this import, with ${API_NAMES[plan.api]} as the source says`);
  write.figure('on this machine', time.embedded);
  write.figure('on AWS', time.aws);
  write.figure('AWS asks', cost.total);
  if (explain) for (const [name, line] of Object.entries(cost.lines)) write.figure(`  ${name}`, line);
  write.figure('a million events', cost.perMillionEvents);
  write.title(`use ${API_NAMES[advice.api]}${advice.api === plan.api ? '' : ` (api: '${advice.api}')`}: ${advice.why}`);
  write.title(dangers.length === 0 ? 'nothing is in danger' : 'in danger');
  for (const { kind, what, arithmetic } of dangers) write.plain(kind, what, arithmetic);
  return write.text();
}

function writeProject(write: ReturnType<typeof lineWriter>, project: ProjectFigures): void {
  const { name, region, projectEventsPerSecond: cap, figures, hottestDevices, hottestUsers, apis } = project;
  write.title(`to project ${name} (${region}${cap === undefined ? '' : `, at most ${n(cap)} events/s`})`);
  write.figure('events', figures.events);
  write.figure('event volume', figures.volume);
  write.figure('users', figures.users);
  write.figure('devices', figures.devices);
  write.figure('an event', figures.bytesPerEvent);
  writeHits(write, { hottestDevices, hottestUsers });
  for (const api of [apis.batch, apis['http-v2']]) writeApi(write, api, `${API_NAMES[api.api]} `);
}

function writeHits(write: ReturnType<typeof lineWriter>, hits: Pick<Plan, 'hottestDevices' | 'hottestUsers'>): void {
  if (hits.hottestDevices.length > 0) write.plain('hottest devices', describeHits(hits.hottestDevices));
  if (hits.hottestUsers.length > 0) write.plain('hottest users', describeHits(hits.hottestUsers));
}

function writeApi(write: ReturnType<typeof lineWriter>, plan: ApiPlan, before = ''): void {
  const { chunks, bounds, bound, time, slowest } = plan;
  const whose = `${BOUNDS[bound]}${slowest === undefined ? '' : ` of project ${slowest}`}`;
  write.figure(`${before}requests`, chunks.chunks);
  write.plain(`${before}time`, `${tilde(time)}${duration(time.value)}, that of ${whose}`);
  for (const name of ['uploads', 'device', 'user', 'project'] as const) {
    const figure = bounds[name];
    if (figure) write.figure(`  ${BOUNDS[name]}`, figure);
  }
}

/** A line of JSON; the arithmetic only when it was asked for. */
export function planJson(plan: Plan, explain: boolean): string {
  const at = (time: number | undefined) => (time === undefined ? undefined : toIso(time));
  const whole = { ...plan, firstTime: at(plan.firstTime), lastTime: at(plan.lastTime) };
  return JSON.stringify(whole, (key, value: unknown) => (key === 'arithmetic' && !explain ? undefined : value));
}

const LABEL_WIDTH = 26;

function lineWriter(explain: boolean) {
  const lines: string[] = [];
  const plain = (label: string, text: string, arithmetic?: string) => {
    lines.push(`  ${label.padEnd(LABEL_WIDTH)}${text}`);
    if (explain && arithmetic !== undefined) lines.push(`  ${' '.repeat(LABEL_WIDTH)}= ${arithmetic}`);
  };
  return {
    plain,
    title: (text: string) => void lines.push(text),
    figure: (label: string, figure: Figure) => plain(label, `${tilde(figure)}${show(figure)}`, figure.arithmetic),
    text: () => lines.join('\n'),
  };
}

/** Before what is an estimate. */
function tilde({ isEstimate }: Figure): string {
  return isEstimate ? '~ ' : '';
}

function show({ value, unit }: Figure): string {
  switch (unit) {
    case 'seconds':
      return duration(value);
    case 'USD':
      return dollars(value);
    case 'bytes':
      return `${n(value)} bytes`;
    case 'records':
    case 'events':
    case 'users':
    case 'devices':
    case 'chunks':
      return n(value);
  }
}

function describeDump(dump: ScannedDump): [string, string, string] {
  const { read, records, events, filtered, unusable, format, failure } = dump;
  const looked = read === records ? '' : `, the first ${n(read)} looked at`;
  const counts = `${n(records)} records${looked}: ${n(events)} events, ${n(filtered)} filtered, ${n(unusable)} unusable`;
  return [
    shortest(dump.dump),
    `${format}; ${counts}${failure === undefined ? '' : '; breaks off'}`,
    describeRecords(dump),
  ];
}

function describeSpan({ firstTime, lastTime }: Plan): string {
  if (firstTime === undefined || lastTime === undefined) return 'no event has one';
  return `${toIso(firstTime)} to ${toIso(lastTime)} (${duration((lastTime - firstTime) / 1_000)})`;
}

function describeHits(hits: readonly Hit[]): string {
  return hits
    .map(({ id, atLeast, atMost }) => `${id} ${atLeast === atMost ? n(atLeast) : `${n(atLeast)} to ${n(atMost)}`}`)
    .join(' · ');
}

/** A path as a person would type it here. */
function shortest(path: string): string {
  const short = relative('.', path);
  return path.startsWith('/') && short.length < path.length ? short : path;
}
