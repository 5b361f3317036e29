/** Synthesizes the stack with a configuration of the test's own, as if that stood in importer.config.ts. */
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ImporterInput } from '../../shared/config.ts';

const ROOT = join(import.meta.dirname, '../..');
/** All that a deployment is made from; a copy, because a link would lead back to the importer.config.ts of this folder. */
const SOURCES = ['cdk', 'lambdas', 'shared', 'package.json', 'package-lock.json', 'tsconfig.json'];

export type Synthesized = {
  /** What `npm run synth` would write to cdk.out: the template and the bundles. */
  readonly folder: string;
  remove(): void;
};

/** Takes about three seconds. The configuration is written out as JSON, so that it can hold no `map`; `files` lie beside it. */
export async function synthesize(
  importer: ImporterInput,
  files: Readonly<Record<string, string>> = {},
): Promise<Synthesized> {
  const project = mkdtempSync(join(tmpdir(), 's3-to-amplitude-stack-'));
  const remove = () => rmSync(project, { recursive: true, force: true });
  try {
    for (const name of SOURCES) cpSync(join(ROOT, name), join(project, name), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(project, 'node_modules'), 'junction');
    const config = `import { defineImporter } from './shared/config.ts';\nexport default defineImporter(${JSON.stringify(importer)});\n`;
    writeFileSync(join(project, 'importer.config.ts'), config);
    for (const [name, content] of Object.entries(files)) writeFileSync(join(project, name), content);
    const folder = join(project, 'cdk.out');
    // `npm run synth` validates the stack already.
    const env = { ...process.env, CDK_OUTDIR: folder, CDK_VALIDATION: 'false' };
    await promisify(execFile)(process.execPath, ['cdk/app.ts'], { cwd: project, env });
    return { folder, remove };
  } catch (error) {
    remove();
    throw error;
  }
}
