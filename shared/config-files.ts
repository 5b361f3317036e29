/** The files that a configuration names by path: which they are, and the configuration with what its converter files hold. */
import type { Importer, Source } from './config.ts';
import { problemsError } from './config-issues.ts';
import { compileConverter, ConverterConfigError } from './converter.ts';
import { formatOfConverter } from './converter-format.ts';
import { lookupFilesOf } from './enrich-step.ts';
import { describeError } from './log.ts';
import { objectOf } from './references.ts';
import { describeRival } from './taken-keys.ts';

/** What of the configuration stands in files beside it, for a fingerprint; the files of lookups count where a dump is claimed. */
export function textOfFiles({ sources }: Importer): string {
  return JSON.stringify(sources.map(({ convert }) => convert ?? null));
}

/** How the files are reached; both throw when one cannot be read. */
export type FileReader = { read(file: string): Buffer; check(file: string): void };

type Named = { readonly where: string; readonly file: string };

/** The files beside the configuration, each once. */
export function filesOf(importer: Importer): readonly string[] {
  return [...new Set([...convertersOf(importer), ...lookupsOf(importer)].map(({ file }) => file))];
}

/** The objects in S3 that lookups read, each once. */
export function objectsOf({ sources }: Importer): readonly { readonly bucket: string; readonly key: string }[] {
  const files = new Set(sources.flatMap(({ enrich }) => lookupFilesOf(enrich ?? [])));
  return [...files].flatMap((file) => objectOf(file) ?? []);
}

/**
 * Where a function's bundle has a file, below the bundle's folder: one name whatever the path is like, and none that leads
 * out of it.
 */
export function bundledName(file: string): string {
  return `files/${encodeURIComponent(file)}`;
}

/**
 * The configuration with its converter files read, after a look whether every other file is there. Throws a ConfigError
 * with all problems.
 */
export function loadFiles(importer: Importer, reader: FileReader): Importer {
  const problems: string[] = [];
  const attempt = ({ where, file }: Named, use: () => void) => {
    try {
      use();
    } catch (error) {
      problems.push(
        `${where}: cannot read ${file}: ${describeError(error)}; paths are relative to the configuration file`,
      );
    }
  };
  for (const named of lookupsOf(importer)) attempt(named, () => reader.check(named.file));
  const texts = new Map<string, string>();
  for (const named of convertersOf(importer)) {
    attempt(named, () => texts.set(named.file, reader.read(named.file).toString('utf8')));
  }
  const sources = importer.sources.map((source, i) => {
    const file = typeof source.convert === 'string' ? source.convert : '';
    const text = texts.get(file);
    return text === undefined ? source : withConverter(source, file, text, `sources[${i}].convert`, problems);
  });
  // Only now is known what each converter takes.
  for (const [i, source] of sources.entries()) {
    const rival = problems.length === 0 ? describeRival(sources.slice(0, i), source) : undefined;
    if (rival !== undefined) problems.push(`sources[${i}].prefix: found "${source.prefix}", expected ${rival}`);
  }
  if (problems.length > 0) throw problemsError(problems);
  return { ...importer, sources };
}

function withConverter(source: Source, file: string, text: string, where: string, problems: string[]): Source {
  try {
    const convert = JSON.parse(text) as Record<string, unknown>; // what it is, compiling says
    const found = formatOfConverter(source.format, compileConverter(convert).fileType);
    if ('format' in found) return { ...source, convert, ...(found.format && { format: found.format }) };
    problems.push(`${where.replace('convert', 'format')}: found ${source.format?.type}, expected ${found.problem}`);
    return source;
  } catch (error) {
    const lines = error instanceof ConverterConfigError ? error.problems : [describeError(error)];
    problems.push(`${where}: ${file} cannot be used:\n${lines.map((line) => `    ${line}`).join('\n')}`);
    return source;
  }
}

function convertersOf({ sources }: Importer): Named[] {
  return sources.flatMap(({ convert }, i) => {
    return typeof convert === 'string' ? [{ where: `sources[${i}].convert`, file: convert }] : [];
  });
}

function lookupsOf({ sources }: Importer): Named[] {
  return sources.flatMap(({ enrich }, i) =>
    (enrich ?? []).flatMap((step, n) => {
      const file = 'lookup' in step ? step.lookup.file : undefined;
      if (file === undefined || objectOf(file)) return [];
      return [{ where: `sources[${i}].enrich[${n}].lookup.file`, file }];
    }),
  );
}
