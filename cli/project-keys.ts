/** The API keys of the projects that a run on this machine sends to: from the environment, or made up for a simulator. */
import type { Importer, Project } from '../shared/config.ts';
import { secretVariable } from '../shared/secrets.ts';
import { projectSecrets } from '../shared/target.ts';
import { UsageError } from './usage.ts';

const SINGLE = 'AMPLITUDE_API_KEY';

/**
 * The key of each project, by its secret. Where there is one project, its key is in AMPLITUDE_API_KEY; where there are
 * several, each is in a variable named after its secret. Throws a UsageError that names all that are missing when the
 * events go to Amplitude.
 */
export function readProjectKeys(
  { sources }: Pick<Importer, 'sources'>,
  isLive: boolean,
  environment: Readonly<Record<string, string | undefined>>,
): (project: Project) => string {
  const secrets = projectSecrets(sources);
  const variables = secrets.map((secret) => ({
    secret,
    variable: secrets.length === 1 ? SINGLE : secretVariable(secret),
  }));
  const keyOf = (variable: string) => environment[variable]?.trim() || undefined;
  if (isLive) {
    refuseShared(variables);
    const missing = variables.filter(({ variable }) => keyOf(variable) === undefined);
    if (missing.length > 0) throw new UsageError(describeMissing(missing, secrets.length));
  }
  const keys = new Map(
    variables.map(({ secret, variable }) => [secret, keyOf(variable) ?? madeUp(secret, secrets.length)]),
  );
  return ({ secret }) => {
    const key = keys.get(secret);
    if (key === undefined) throw new Error(`no source has a project with the secret ${secret}`);
    return key;
  };
}

type Variable = { readonly secret: string; readonly variable: string };

/** One project's events must never go to another because their names are alike. */
function refuseShared(variables: readonly Variable[]): void {
  for (const [variable, sharing] of Map.groupBy(variables, (one) => one.variable)) {
    if (sharing.length === 1) continue;
    const names = sharing.map(({ secret }) => secret).join(' and ');
    throw new UsageError(`the secrets ${names} would both be in the environment variable ${variable}: rename one`);
  }
}

function describeMissing(missing: readonly Variable[], projects: number): string {
  if (projects === 1) return `--live needs the project's API key in the environment variable ${SINGLE}`;
  const names = missing.map(({ secret, variable }) => `${variable} (${secret})`).join(', ');
  return `--live needs the API key of each of the ${projects} projects; missing in the environment: ${names}`;
}

function madeUp(secret: string, projects: number): string {
  return projects === 1 ? 'simulated' : `simulated ${secret}`;
}
