/** Finds the dumps a person names: files, directories, or patterns. */
import { globSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { type Importer, type Source, sourceOf } from '../shared/config.ts';
import { UsageError } from './usage.ts';

export type FoundDump = {
  /** Absolute. */
  readonly path: string;
  readonly source: Source;
};

/** What is taken for a dump in a directory; a file that is named is taken whatever its name. */
const DUMP_NAME = /\.(ndjson|jsonl|json|csv|tsv|parquet|zip)(\.(gz|zst))?$/i;

/** In the order they were named, each directory and pattern sorted, each file once. Throws a UsageError that says what is not there. */
export function findDumps(names: readonly string[], importer: Importer, sourceName?: string): readonly FoundDump[] {
  const found = new Map<string, FoundDump>();
  for (const name of names) {
    for (const { path, key } of expand(name)) {
      const absolute = resolve(path);
      if (!found.has(absolute))
        found.set(absolute, { path: absolute, source: chooseSource(key, importer, sourceName) });
    }
  }
  return [...found.values()];
}

type Candidate = {
  readonly path: string /** As it would be in a bucket: what prefixes are compared with. */;
  readonly key: string;
};

function expand(name: string): Candidate[] {
  const stats = statSync(name, { throwIfNoEntry: false });
  if (stats?.isDirectory()) return expandDirectory(name);
  if (stats) return [{ path: name, key: relative('.', name) }];
  const matches = globSync(name)
    .filter((path) => statSync(path).isFile())
    .toSorted();
  if (matches.length === 0) throw new UsageError(`${name}: no such file, directory or pattern with matches`);
  return matches.map((path) => ({ path, key: relative('.', path) }));
}

function expandDirectory(directory: string): Candidate[] {
  const files = globSync('**/*', { cwd: directory, withFileTypes: true })
    .filter((entry) => entry.isFile() && DUMP_NAME.test(entry.name) && !entry.name.startsWith('.'))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
  if (files.length === 0) {
    throw new UsageError(
      `${directory}: no dumps in this directory; looked for *.ndjson, *.jsonl, *.json, *.csv, *.tsv, *.parquet and *.zip, each also with .gz or .zst`,
    );
  }
  return files.map((path) => ({ path, key: relative(directory, path) }));
}

/** The source of this name, the only one, or the one that takes the key by its prefix. Throws a UsageError that names them all. */
export function chooseSource(key: string, importer: Importer, name: string | undefined): Source {
  const { sources } = importer;
  const list = sources
    .map(({ name: its, prefix, pattern }) => `${its} (prefix "${prefix}"${pattern ? `, pattern "${pattern}"` : ''})`)
    .join(', ');
  if (name !== undefined) {
    const named = sources.find((source) => source.name === name);
    if (named) return named;
    throw new UsageError(`--source: found "${name}", expected one of ${list}`);
  }
  const [only] = sources;
  const chosen = sources.length === 1 ? only : sourceOf(importer, key);
  if (chosen) return chosen;
  throw new UsageError(`${key}: no source takes it; name one with --source: ${list}`);
}
