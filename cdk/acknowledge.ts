/** Where the stack does not follow one of AWS's rules of good practice (cdk-nag's AwsSolutions), the reason why. */
import { Stack, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** The rule is by its id; what is acknowledged of a construct is of everything in it too. */
export function acknowledge(construct: IConstruct, id: string, reason: string): void {
  Validations.of(construct).acknowledge({ id, reason });
}

/** The rule against a `*` in a policy's resource, of each of these resources by itself. */
export function acknowledgeAny(construct: IConstruct, resources: readonly string[], reason: string): void {
  for (const resource of resources) {
    acknowledge(construct, `AwsSolutions-IAM5[Resource::${spelledOut(Stack.of(construct).resolve(resource))}]`, reason);
  }
}

/** A resource as cdk-nag spells it: `<Landing.Arn>/*`. */
function spelledOut(resolved: unknown): string {
  if (typeof resolved === 'string') return resolved.replaceAll('${', '<').replaceAll('}', '>');
  const { 'Fn::Join': join, 'Fn::GetAtt': getAtt, Ref: ref } = resolved as Readonly<Record<string, unknown>>;
  if (Array.isArray(join)) return (join[1] as unknown[]).map(spelledOut).join(String(join[0]));
  return Array.isArray(getAtt) ? `<${getAtt.join('.')}>` : `<${String(ref)}>`;
}
