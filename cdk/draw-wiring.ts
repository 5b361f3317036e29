/** `npm run wiring`: draws the stack's wiring anew into docs/deploy.md, with the bucket of its own and with an existing one. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { defineImporter } from '../shared/config.ts';
import { ImporterStack } from './importer-stack.ts';
import { drawWiring, type Template } from './wiring.ts';

const DEPLOY_MD = join(import.meta.dirname, '../docs/deploy.md');

/** The text with each of its pictures drawn anew: they stand as ```mermaid below `<!-- wiring: <name> -->`. */
export function withWiring(text: string): string {
  const pictures = { own: drawn({}), existing: drawn({ existingBucket: 'your-bucket' }) };
  return text.replace(/(<!-- wiring: (\w+) -->\n```mermaid\n)[^`]*/g, (found, head: string, name: string) => {
    return name in pictures ? `${head}${pictures[name as keyof typeof pictures]}` : found;
  });
}

/** Not of importer.config.ts, which is there to be edited. */
function drawn(settings: { readonly existingBucket?: string }): string {
  const app = new App({ context: { 'aws:cdk:bundling-stacks': [] }, analyticsReporting: false });
  const config = defineImporter({
    sources: [{ name: 'events', project: { secret: 'amplitude/api-key' } }],
    ...settings,
  });
  const configFile = join(import.meta.dirname, '../importer.config.ts');
  const stack = new ImporterStack(app, 'Drawn', { config, configFile });
  return drawWiring(app.synth().getStackByName(stack.stackName).template as Template);
}

if (import.meta.main) writeFileSync(DEPLOY_MD, withWiring(readFileSync(DEPLOY_MD, 'utf8')));
