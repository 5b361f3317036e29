/** What a role allows, as its policy in the template says, and which of it was ever needed. */

/** A statement whose references are resolved. */
export type Statement = {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
};

export type Permissions = {
  allows(action: string, resource: string): boolean;
  /** Grants that nothing needed so far, as `action resource`. */
  unused(): string[];
};

export function permissionsOf(statements: readonly Statement[]): Permissions {
  const grants = statements
    .filter(({ Effect }) => Effect === 'Allow')
    .flatMap(({ Action, Resource }) =>
      [Action].flat().flatMap((action) => [Resource].flat().map((resource) => ({ action, resource }))),
    )
    .map((grant) => ({ ...grant, pattern: toPattern(grant.resource) }));
  const used = new Set<(typeof grants)[number]>();
  return {
    allows(action, resource) {
      const grant = grants.find((each) => each.action === action && each.pattern.test(resource));
      if (grant) used.add(grant);
      return grant !== undefined;
    },
    unused: () => grants.filter((grant) => !used.has(grant)).map(({ action, resource }) => `${action} ${resource}`),
  };
}

/** IAM knows `*` and `?`. */
function toPattern(resource: string): RegExp {
  return new RegExp(`^${RegExp.escape(resource).replaceAll('\\*', '.*').replaceAll('\\?', '.')}$`, 's');
}
