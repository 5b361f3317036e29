/** What `try` says at its end, and how it says a record to a machine. */
import { PROJECT_CAPS } from '../lambdas/chunker/project-caps.ts';
import type { Compression } from '../lambdas/chunker/inflate.ts';
import { describeBy } from '../lambdas/chunker/route.ts';
import type { Source } from '../shared/config.ts';
import { dumpUrl } from '../shared/dump.ts';
import { type EnrichStep, secretsOf } from '../shared/enrich-step.ts';
import { parseExactly, stringifyExactly } from '../shared/exact-json.ts';
import type { FormatName } from '../shared/format-settings.ts';
import { secretVariable } from '../shared/secrets.ts';
import { contentOf } from './record-content.ts';
import type { Trial, TryEnd, TryRequest } from './try-dump.ts';
import type { TryTally } from './try-tally.ts';

/** One line without a line end. */
export function trialJson({ record, made, events, refused }: Trial): string {
  const { position, within, bytes, length } = record;
  return stringifyExactly({
    position,
    ...(within && { file: within.name, line: position - within.before }),
    ...contentOf(record),
    ...(length > bytes.length && { cutFrom: length }),
    events: events.map(({ event }) => event),
    ...(events.some(({ project }) => project !== undefined) && { projects: events.map(({ project }) => project) }),
    filtered: made.kind === 'filtered',
    ...(made.kind !== 'unusable' && made.leftOut !== undefined && { leftOut: made.leftOut }),
    reject: made.kind === 'unusable' ? { reason: made.reason, detail: made.detail } : null,
    refused: refused.map(({ reason, detail, text }) => ({ reason, detail, ...eventOf(text) })),
    warnings: events.flatMap(({ warnings }, i) => warnings.map((warning) => ({ event: i, ...warning }))),
  });
}

function eventOf(text: string): object {
  try {
    return { event: parseExactly(text) };
  } catch {
    return { text };
  }
}

export type TryReport = {
  readonly request: TryRequest;
  /** Undefined when the dump is empty or cannot be read. */
  readonly recognized: { readonly format: FormatName; readonly compression: Compression | undefined } | undefined;
  /** Secrets of hash steps whose key is made up. */
  readonly madeUp: readonly string[];
  readonly end: TryEnd;
  readonly tally: TryTally;
};

/** Several lines without a line end; nothing of any record. */
export function formatReport({ request, recognized, madeUp, end, tally }: TryReport): string {
  const { dump, source } = request;
  const { read, mapped, filtered, unusable, events, refused, sent, projects, leftOut, reasons, warnings, exceeded } =
    tally;
  const what = recognized
    ? `${recognized.format}${recognized.compression ? ` in ${recognized.compression}` : ''}, `
    : '';
  const merged = sent < events ? `, as ${n(sent)}: $identify events of one user are merged` : '';
  const lines = [
    `${dumpUrl(dump)}  ${what}${n(dump.size)} bytes`,
    `  source    ${source.name}: ${describePath(source)}`,
    ...madeUp.map((secret) => `  key       ${standIn(secret)}`),
    `  records   ${n(read)} looked at = ${n(mapped)} mapped + ${n(filtered)} filtered + ${n(unusable)} unusable`,
    `  events    ${n(events + refused)} = ${n(events)} to be sent${merged} + ${n(refused)} refused`,
    ...formatProjects(projects, leftOut),
    ...(unusable + refused > 0
      ? [`  rejected  ${n(unusable + refused)}`, ...formatCounts(Object.entries(reasons))]
      : []),
    ...(warnings.length > 0
      ? [
          `  warnings  ${n(warnings.reduce((sum, { count }) => sum + count, 0))}`,
          ...formatCounts(warnings.map(({ effect, kind, count }) => [`${effect.padEnd(7)}  ${kind}`, count])),
        ]
      : []),
    ...exceeded.map(
      ({ project, names }) =>
        `  project   ${project === undefined ? '' : `${project}: `}more than ${n(PROJECT_CAPS[names])} ${names}: what a project has beyond them cannot be asked for`,
    ),
    ...(end.failure === undefined ? [] : [`  failure   ${end.failure}`]),
    describeEnd(request, end),
  ];
  return lines.join('\n');
}

/** Nothing where all events go to one project. */
function formatProjects(projects: Readonly<Record<string, number>>, leftOut: number): string[] {
  const each = Object.entries(projects).map(([name, count]) => `${n(count)} to ${name}`);
  if (leftOut > 0) each.push(`${n(leftOut)} left out, as the route has no project for them`);
  return each.length === 0 ? [] : [`  projects  ${each.join(' + ')}`];
}

function formatCounts(counts: readonly (readonly [string, number])[]): string[] {
  return counts.toSorted(([, a], [, b]) => b - a).map(([what, count]) => `  ${n(count).padStart(12)}  ${what}`);
}

function standIn(secret: string): string {
  const variable = secretVariable(secret);
  return `${variable} holds no key for ${secret}: one is made up, so pseudonyms and the insert_ids made from records will be others`;
}

/** Secrets of the source whose key is not in the environment. */
export function madeUpKeys({ enrich }: Source, environment: Readonly<Record<string, string | undefined>>): string[] {
  return secretsOf(enrich ?? []).filter((secret) => !environment[secretVariable(secret)]);
}

/** What is done to a record, in order. */
export function describePath({ filter, preset, convert, map, enrich = [], route }: Source): string {
  const steps = [
    ...(filter ? ['filter'] : []),
    ...(preset ? [`preset ${preset.name}`] : []),
    ...(convert ? ['converter'] : []),
    ...(map ? [typeof map === 'function' ? 'map (a function)' : 'map'] : []),
    ...(enrich.length > 0 ? [`enrich (${enrich.map(nameOf).join(', ')})`] : []),
  ];
  const isMapped = Boolean(preset ?? convert ?? map) || enrich.length > 0;
  const to = route ? [`route by ${describeBy(route.by)}`] : [];
  return [...steps, ...(isMapped ? [] : ['sent as it stands']), ...to].join(' → ');
}

function nameOf(step: EnrichStep): string {
  return typeof step === 'function' ? 'a function' : (Object.keys(step)[0] ?? '');
}

function describeEnd({ from, onlyTrouble }: TryRequest, { last, isWhole, failure }: TryEnd): string {
  const nothing = 'nothing was sent, nothing was written';
  if (failure !== undefined) return `the dump cannot be read on after record ${n(last)}; ${nothing}`;
  if (isWhole)
    return `the dump ends with record ${n(last)}${from > Math.max(last, 1) ? `, before --from ${from}` : ''}; ${nothing}`;
  const others = onlyTrouble ? '' : ', or --rejects shows only what is wrong';
  return `--from ${last + 1} goes on${others}; ${nothing}`;
}

function n(count: number): string {
  return count.toLocaleString('en-US');
}
