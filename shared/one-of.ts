/** A schema for a value of several forms, told apart by a name it has: problems are those of the form that was meant. */
import * as z from 'zod';

export type Form = {
  /** The name that only this form has, or a test of the value. */
  readonly when: string | ((value: unknown) => boolean);
  readonly schema: z.ZodType;
};

/** zod's own union would say of every form what is wrong with it. `expected` is said before the list of names. */
export function oneOf<Value>(expected: string, forms: readonly Form[]): z.ZodType<Value, Value> {
  const names = forms.flatMap(({ when }) => (typeof when === 'string' ? [when] : []));
  return z.custom<Value>().transform((value, context): Value => {
    const form = forms.find(({ when }) =>
      typeof when === 'string'
        ? typeof value === 'object' && value !== null && Object.hasOwn(value, when)
        : when(value),
    );
    if (!form) {
      context.addIssue({ code: 'custom', message: `${expected} ${names.join(', ')}`.trim(), input: value });
      return z.NEVER;
    }
    const result = form.schema.safeParse(value);
    if (result.success) return result.data as Value;
    for (const issue of result.error.issues)
      context.issues.push({ ...issue, ...withKnown(issue, form.schema) } as never);
    return z.NEVER;
  });
}

/** For a name that nobody knows, those that this form knows. */
function withKnown(issue: z.core.$ZodIssue, schema: z.ZodType): object {
  if (issue.code !== 'unrecognized_keys' || issue.path.length > 0 || !(schema instanceof z.ZodObject)) return {};
  return { known: Object.keys(schema.shape) };
}
