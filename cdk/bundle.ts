/** Bundles a function: what each start of it loads in one file and those it always needs, what only some dumps need in others. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';

/** What stands for the configuration: importer.config.ts by its absolute path, or plain data, which needs no code of it. */
export type BundledConfig = { readonly file: string } | { readonly data: object };

/**
 * Writes index.mjs, and what it imports, into the folder `to`. Throws when the function's code cannot be bundled. In a process
 * of its own: a stack is made synchronously, and esbuild is not when it is to change files on the way.
 */
export function bundle(handler: string, config: BundledConfig, to: string): void {
  const folder = mkdtempSync(join(tmpdir(), 's3-to-amplitude-config-'));
  try {
    const file = 'file' in config ? config.file : join(folder, 'config.json');
    if ('data' in config) writeFileSync(file, JSON.stringify(config.data));
    const arguments_ = [import.meta.filename, handler, file, to];
    execFileSync(process.execPath, arguments_, { stdio: ['ignore', 'ignore', 'inherit'] });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function writeBundle(handler: string, configFile: string, to: string): Promise<void> {
  await build({
    entryPoints: { index: handler },
    outdir: to,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    // package.json says what the handlers' import stands for here; elsewhere it is the user's own file.
    alias: { '#importer-config': configFile },
    // What is imported with `import()` becomes a file of its own, which a start does not load.
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    // The SDK's packages hold both kinds of modules; of these esbuild leaves out what is not used.
    mainFields: ['module', 'main'],
    plugins: [NAMED_KEYS],
    minify: true,
    charset: 'utf8',
    legalComments: 'external',
    // yauzl is CommonJS and requires Node's own modules.
    banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
    absWorkingDir: join(import.meta.dirname, '..'),
    logLevel: 'warning',
  });
}

/**
 * The SDK describes all operations of a service with keys that are constants, `{ [_hH]: … }`. esbuild takes that for code that
 * may do something, and keeps the descriptions of those that nobody calls, 60 KB; with the keys written out it leaves them out.
 */
const NAMED_KEYS: Plugin = {
  name: 'named keys',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]@aws-sdk[\\/].*[\\/]schemas_\d+\.js$/ }, ({ path }) => {
      const code = readFileSync(path, 'utf8');
      const constants = new Map(
        [...code.matchAll(/^const (\w+) = ("[^"\\]*");$/gm)].map(([, name, text]) => [name, text]),
      );
      return {
        contents: code.replace(/\[(\w+)\]:/g, (key, name: string) => `${constants.get(name) ?? key.slice(0, -1)}:`),
      };
    });
  },
};

if (import.meta.main) {
  const [handler = '', configFile = '', to = ''] = process.argv.slice(2);
  await writeBundle(handler, configFile, to);
}
