/** The structure: which folder may know which, and what the pure middle may not touch. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const FILES = globSync('{cdk,lambdas,shared,cli,local,bench,examples}/**/*.ts', { cwd: ROOT }).toSorted();

/** Names and numbers: no file here imports an SDK, so that both the stack and the functions can read them. */
const NAMES_AND_NUMBERS = [
  'importer.config.ts',
  'shared/config.ts',
  'shared/config-files.ts',
  'shared/queue.ts',
  'shared/enrich-step.ts',
  'shared/metrics.ts',
  'shared/stack-outputs.ts',
  'shared/target.ts',
  'shared/upload-settings.ts',
  'shared/aws/environment.ts',
  'shared/aws/ledger-table.ts',
  'lambdas/chunker/intake-back-off.ts',
  'lambdas/chunker/ready-segment.ts',
  'lambdas/uploader/back-off.ts',
  'lambdas/watcher/watch-state-key.ts',
];

/** For each folder, what its files may import of ours; the arrows point one way. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  'shared/': ['shared/'],
  'lambdas/chunker/': ['lambdas/chunker/', 'shared/', 'importer.config.ts'],
  'lambdas/uploader/': ['lambdas/uploader/', 'shared/', 'importer.config.ts'],
  // The watcher asks for a dump in the chunker's own words.
  'lambdas/watcher/': ['lambdas/watcher/', 'lambdas/chunker/notification.ts', 'shared/', 'importer.config.ts'],
  'local/': ['local/', 'lambdas/', 'shared/'],
  'cli/': ['cli/', 'local/', 'lambdas/', 'shared/'],
  // What the picture of the dashboard shows is measured on this machine.
  'cdk/': ['cdk/', 'local/eventful-day.ts', ...NAMES_AND_NUMBERS],
  'examples/': ['examples/', 'shared/config.ts'],
  'bench/': ['bench/', 'cli/', 'local/', 'lambdas/', 'shared/', 'test/dynalite.ts'],
};

/** What speaks to the outside: everything else in lambdas/ and shared/ is pure or gets the outside as ports. */
const EDGES = /^shared\/(aws|embedded)\/|\/handler\.ts$|\/(amplitude|post)\.ts$/;

test.each(FILES)('%s imports only what its folder may know', (file) => {
  const folder = Object.keys(ARROWS).find((name) => file.startsWith(name)) ?? file;
  const allowed = ARROWS[folder] ?? [];
  const strangers = ownImports(file).filter((imported) => !allowed.some((name) => imported.startsWith(name)));
  expect(strangers).toEqual([]);
});

test.each(NAMES_AND_NUMBERS)('%s, which the stack reads, imports no SDK', (file) => {
  expect(importsOf(file).filter((name) => /^@aws-sdk\/|^node:https?$/.test(name))).toEqual([]);
});

test.each(FILES.filter((file) => /^(lambdas|shared)\//.test(file) && !EDGES.test(file)))(
  '%s touches no SDK, no network, no file, no clock, no chance and no environment',
  (file) => {
    const outside = /^@aws-sdk\/|^node:(fs|http|https|net|sqlite|child_process|timers)/;
    expect(importsOf(file).filter((name) => outside.test(name))).toEqual([]);
    expect(readFileSync(join(ROOT, file), 'utf8')).not.toMatch(/Date\.now|new Date\(\)|Math\.random|process\.env/);
  },
);

test.each(FILES)('%s opens with a sentence on what it is for', (file) => {
  expect(readFileSync(join(ROOT, file), 'utf8')).toMatch(/^(#!.*\n)?\/\*\*/);
});

function importsOf(file: string): string[] {
  const source = readFileSync(join(ROOT, file), 'utf8');
  return [...source.matchAll(/^(?:import|export) .*?from '([^']+)'|^import '([^']+)'|^} from '([^']+)'/gm)].map(
    ([, first, second, third]) => first ?? second ?? third ?? '',
  );
}

function ownImports(file: string): string[] {
  return importsOf(file)
    .map((name) => (name === '#importer-config' ? '../../importer.config.ts' : name))
    .filter((name) => name.startsWith('.'))
    .map((name) => normalize(join(dirname(file), name)));
}
