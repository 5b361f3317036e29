/** README says what is so: its settings are the configuration's, its links lead somewhere. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { importerSchema } from '../shared/config.ts';

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
