/** Compares the calls that functions made with what their roles allow, both ways. */
import type { GrantedCall } from './gateway.ts';
import { permissionsOf, type Statement } from './permissions.ts';

export type Policies = ReadonlyMap<string, readonly Statement[]>;

/** One action on one resource that a role allows. */
export type Grant = GrantedCall;

export type Comparison = {
  /** Calls that no grant allows, as `function action resource`. */
  readonly notGranted: readonly string[];
  /** Grants that no call needed. */
  readonly unused: readonly string[];
};

export function comparePrivileges(calls: readonly GrantedCall[], policies: Policies): Comparison {
  const roles = new Map([...policies].map(([name, statements]) => [name, permissionsOf(statements)]));
  const notGranted = calls.filter(({ caller, action, resource }) => !roles.get(caller)?.allows(action, resource));
  const unused = [...roles].flatMap(([name, role]) => role.unused().map((grant) => `${name} ${grant}`));
  return { notGranted: notGranted.map(nameOf), unused };
}

export function grantsOf(policies: Policies): readonly Grant[] {
  return [...policies].flatMap(([caller, statements]) =>
    statements.flatMap(({ Action, Resource }) =>
      [Action].flat().flatMap((action) => [Resource].flat().map((resource) => ({ caller, action, resource }))),
    ),
  );
}

/** The policies with that one grant taken out, wherever it stands. */
export function without(policies: Policies, grant: Grant): Policies {
  const left = grantsOf(policies).filter((each) => nameOf(each) !== nameOf(grant));
  return policiesOf(left);
}

export function withGrant(policies: Policies, grant: Grant): Policies {
  return policiesOf([...grantsOf(policies), grant]);
}

export function nameOf({ caller, action, resource }: GrantedCall): string {
  return `${caller} ${action} ${resource}`;
}

function policiesOf(grants: readonly Grant[]): Policies {
  const byCaller = Map.groupBy(grants, ({ caller }) => caller);
  const toStatement = ({ action, resource }: Grant) => ({ Effect: 'Allow', Action: action, Resource: resource });
  return new Map([...byCaller].map(([caller, own]) => [caller, own.map(toStatement)]));
}
