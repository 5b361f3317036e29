/** What a project is called: its name in the route, otherwise the name of its secret. */
import type { Target } from '../shared/target.ts';

export function targetName({ name, project }: Pick<Target, 'name' | 'project'>): string {
  return name ?? project.secret;
}
