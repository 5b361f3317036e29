/** README says what is so: its settings are the configuration's, its links lead somewhere. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Command } from '../cli/usage.ts';
import { importerSchema } from '../shared/config.ts';
import { FORMAT_NAMES } from '../shared/format-settings.ts';
import { PRESET_SCHEMAS } from '../shared/presets.ts';

const ROOT = join(import.meta.dirname, '..');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');

type Property = {
  readonly default?: string | number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly string[];
  readonly items?: Property;
  readonly properties?: Readonly<Record<string, Property>>;
};

/** Every setting with the beginning of its row: name, default, what is allowed. */
function settingRows(schema: Property, path: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    if (property.items?.properties) return settingRows(property.items, `${path}${name}[].`);
    if (property.properties) return settingRows(property, `${path}${name}.`);
    const value = property.default === undefined ? '' : `\`${String(property.default) || "''"}\``;
    const cells = [`\`${path}${name}\``, value, allowed(property)];
    return [`|${cells.map((cell) => (cell === '' ? ' ' : ` ${cell} `)).join('|')}|`];
  });
}

function allowed({ minimum, maximum, enum: values }: Property): string {
  if (values) return values.map((value) => `\`${value}\``).join(', ');
  return minimum === undefined ? '' : `${minimum?.toLocaleString('en-US')} to ${maximum?.toLocaleString('en-US')}`;
}

const schema = z.toJSONSchema(importerSchema, { unrepresentable: 'any', io: 'input' }) as Property;

test.each(settingRows(schema, ''))('README has the setting %s', (row) => {
  expect(README).toContain(row);
});

test('README names no setting that does not exist', () => {
  const rows = settingRows(schema, '');
  const named = [...README.matchAll(/^\| `([a-zA-Z[\].]+)` \|.*\|.*\|.*\|$/gm)].map(([, name]) => name);
  expect(named.filter((name) => !rows.some((row) => row.startsWith(`| \`${name}\` |`)))).toEqual([]);
});

test.each([
  'README.md',
  'CONTRIBUTING.md',
  'docs/how-it-works.md',
  'docs/formats.md',
  'docs/sources.md',
  'docs/benchmarks.md',
  'docs/enrichment.md',
  'docs/presets.md',
  'docs/converter.md',
  'docs/plan.md',
  'docs/deploy.md',
  'docs/runbook.md',
  'docs/status.md',
  'docs/expect.md',
  'bench/README.md',
])('every relative link of %s leads to a file', (file) => {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const targets = [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, target]) => target ?? '');
  expect(targets.filter((target) => !existsSync(join(ROOT, dirname(file), target)))).toEqual([]);
});

test('every file that CONTRIBUTING sends a reader to exists', () => {
  const text = readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8');
  let folder = '';
  for (const [, row = ''] of text.matchAll(/^\| \d+ \| ([^|]+) \|/gm)) {
    for (const [, name = ''] of row.matchAll(/`([^`]+)`/g)) {
      const path = name.includes('/') ? name : join(folder, name);
      expect(existsSync(join(ROOT, path)), path).toBe(true);
      folder = dirname(path);
    }
  }
});

describe('docs/formats.md', () => {
  const text = readFileSync(join(ROOT, 'docs/formats.md'), 'utf8');
  const rows = [...text.matchAll(/^\|.*$/gm)].map(([row]) => row);

  test.each([...FORMAT_NAMES, ...Object.keys(PRESET_SCHEMAS)])('lists %s with what proves it', (name) => {
    const row = rows.find(
      (each) => each.slice(0, each.indexOf('|', 1)).includes(`\`${name}\``) && /`test\//.test(each),
    );
    expect(row).toBeDefined();
  });

  test('names no test and no fixture that does not exist', () => {
    const named = [...text.matchAll(/`(test\/[^`]+)`/g)].map(([, path]) => path ?? '');
    expect(named.length).toBeGreaterThan(15);
    expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  test('lists every fixture of the presets', () => {
    const fixtures = readdirSync(join(ROOT, 'test/fixtures/presets')).filter((name) => !name.endsWith('.expected'));
    expect(fixtures.filter((name) => !text.includes(`\`test/fixtures/presets/${name}\``))).toEqual([]);
  });
});

describe('every command in README and docs', () => {
  const files = ['README.md', ...readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md'))];
  const called = files.flatMap((name) => {
    const text = readFileSync(join(ROOT, name === 'README.md' ? '' : 'docs', name), 'utf8');
    const calls = text.matchAll(
      /(?:npm run cli --silent --|s3-to-amplitude|npm start --) ((?:--)?[a-z].*?)(?=[`|&#]|$)/gm,
    );
    return [...calls].map(([call, args = '']): [string, string] => [
      `${name}: ${call}`,
      call.startsWith('npm start') ? `import ${args}` : args,
    ]);
  });

  test.each(called)('%s: exists, with all of its options', async (_, args) => {
    const [command = ''] = args.split(' ');
    const { [`${command}Command`]: its } = (await import(`../cli/${command}.ts`)) as Readonly<Record<string, Command>>;
    for (const [option] of args.matchAll(/--[a-z][a-z-]*/g)) expect(its?.help).toContain(option);
  });
});
