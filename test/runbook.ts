/** The runbook as a person on one machine reads it: a section's commands, run as they stand there. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Finished, startProcess } from './cli/run-cli.ts';

const ROOT = join(import.meta.dirname, '..');
export const RUNBOOK = readFileSync(join(ROOT, 'docs/runbook.md'), 'utf8');

export type Part = 'How to look.' | 'How to mend.';

/** Of a part of a section: the lines of its ```sh blocks, before and after "On one machine". */
export function commandsOf(section: string, part: Part): { readonly stack: string[]; readonly here: string[] } {
  const text = RUNBOOK.split(/^## /m).find((each) => each.startsWith(`${section}\n`));
  const its = text?.split(/^\*\*/m).find((each) => each.startsWith(`${part}**`));
  if (its === undefined) throw new Error(`docs/runbook.md has no "${part}" in a section "${section}"`);
  const [stack = '', here = ''] = its.split(/^On one machine/m);
  return { stack: linesIn(stack), here: linesIn(here) };
}

/** The commands above all sections: with which one looks first. */
export function firstLook(): string[] {
  return linesIn(RUNBOOK.slice(0, RUNBOOK.indexOf('\n## ')).split(/^On one machine/m)[1] ?? '');
}

function linesIn(text: string): string[] {
  return [...text.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block = '']) => block.trim().split('\n'));
}

/** What a person fills in, by what stands in `< >`. */
export type Filling = Readonly<Record<string, string>>;

/** Throws when something is left to fill in. */
export function fillIn(command: string, filling: Filling): string {
  const filled = command.replace(/<([^<>]+)>/g, (found, name: string) => filling[name] ?? found);
  if (/<[^<>]+>/.test(filled)) throw new Error(`nothing is known to fill in: ${filled}`);
  return filled;
}

/** A folder with the command line, as a clone of this project is one; `npm run cli --silent --` costs a second less than npm's own. */
export function makeFolder(folder: string): { readonly env: Readonly<Record<string, string>> } {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  const script = (scripts.cli ?? '').replace(/^node /, `${process.execPath} ${ROOT}/`);
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const npm = `#!/bin/sh
[ "$1 $2 $3 $4" = "run cli --silent --" ] || { echo "npm: found $*" >&2; exit 127; }
shift 4
exec ${script} "$@"
`;
  writeFileSync(join(bin, 'npm'), npm, { mode: 0o755 });
  return { env: { PATH: `${bin}${delimiter}${process.env.PATH ?? ''}` } };
}

/** As a shell runs it. */
export function runShell(command: string, cwd: string, env: Readonly<Record<string, string>>): Promise<Finished> {
  return startProcess('sh', ['-c', command], env, cwd).finished;
}
