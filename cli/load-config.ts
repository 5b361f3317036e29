/** Loads the configuration that a command names, and the files that it names in turn. */
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { defineImporter, type Importer } from '../shared/config.ts';
import { type FileReader, loadFiles, textOfFiles } from '../shared/config-files.ts';
import { ConfigError } from '../shared/config-issues.ts';
import { fileReferences } from '../shared/embedded/references.ts';
import { describeError } from '../shared/log.ts';
import { eitherReferences, type References } from '../shared/references.ts';
import { UsageError } from './usage.ts';

export type ConfigOptions = { readonly config?: string | undefined };

/** Absolute. */
export function configPathOf({ config = 'importer.config.ts' }: ConfigOptions): string {
  return resolve(config);
}

/** With what its files hold. Throws a UsageError or a ConfigError. */
export async function loadConfig(options: ConfigOptions): Promise<Importer> {
  const path = configPathOf(options);
  if (!existsSync(path)) throw new UsageError(`no configuration at ${path}; name one with --config`);
  try {
    const { default: exported } = (await import(pathToFileURL(path).href)) as { default?: Importer };
    if (exported === undefined)
      throw new ConfigError('it has no default export: expected export default defineImporter({ … })');
    return loadFiles(defineImporter(exported), filesBeside(path));
  } catch (error) {
    throw new ConfigError(`${path}: ${describeError(error)}`, { cause: undefined });
  }
}

/** The same where a command can do without: undefined when none is named and there is none. */
export async function loadConfigIfAny(options: ConfigOptions): Promise<Importer | undefined> {
  return options.config === undefined && !existsSync(configPathOf({})) ? undefined : loadConfig(options);
}

function filesBeside(configPath: string): FileReader {
  const pathOf = (file: string) => resolve(dirname(configPath), file);
  return { read: (file) => readFileSync(pathOf(file)), check: (file) => accessSync(pathOf(file), constants.R_OK) };
}

/** The reference files of the configuration at this path. AWS's SDK, slow to load, is loaded when one of them is in S3. */
export function referencesBeside(configPath: string): References {
  const objects = lazily(async () => {
    const [{ S3Client }, { s3References }] = await Promise.all([
      import('@aws-sdk/client-s3'),
      import('../shared/aws/references.ts'),
    ]);
    return s3References(new S3Client({ maxAttempts: 1 })); // its adapter tries again by itself
  });
  return eitherReferences(
    fileReferences((file) => resolve(dirname(configPath), file)),
    objects,
  );
}

function lazily<Result>(open: () => Promise<Result>): () => Promise<Result> {
  let opened: Promise<Result> | undefined;
  return () => (opened ??= open());
}

/** Of the configuration and of what makes chunks of events (zlib decides where one is halved): a dump half read under another one is started anew. */
export function fingerprintOf(configPath: string, importer: Importer): string {
  const root = join(import.meta.dirname, '..');
  const hash = createHash('sha256')
    .update(readFileSync(configPath))
    .update(textOfFiles(importer))
    .update(process.versions.zlib);
  for (const file of globSync('{lambdas/chunker,shared}/**/*.ts', { cwd: root }).toSorted()) {
    hash.update(readFileSync(join(root, file)));
  }
  return hash.digest('hex').slice(0, 20);
}
