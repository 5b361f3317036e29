/** Bundles a function: what each start of it loads in one file and those it always needs, what only some dumps need in others. */
import { join } from 'node:path';
import { buildSync } from 'esbuild';

/**
 * Writes index.mjs, and what it imports, into the folder `to`. `configFile` is the absolute path of importer.config.ts. Throws
 * when the function's code cannot be bundled.
 */
export function bundle(handler: string, configFile: string, to: string): void {
  buildSync({
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
    minify: true,
    // yauzl is CommonJS and requires Node's own modules.
    banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
    absWorkingDir: join(import.meta.dirname, '..'),
    logLevel: 'warning',
  });
}
