/** The filter without a function: which records are kept. */
import * as z from 'zod';
import { patternSchema, pathSchema } from './field-map.ts';
import { oneOf } from './one-of.ts';
import type { Path } from './path.ts';

type Plain = string | number | boolean;

export type Condition =
  | {
      /** Of a value in the record; all that is said of it must hold. Of a list of paths the first that is present. */
      readonly path: Path | readonly Path[];
      readonly equals?: Plain;
      readonly in?: readonly Plain[];
      /** Null counts as nothing. */
      readonly exists?: boolean;
      /** Somewhere in the text, unless the pattern says `^` and `$`. */
      readonly matches?: RegExp | string;
    }
  | { readonly and: readonly Condition[] }
  | { readonly or: readonly Condition[] }
  | { readonly not: Condition };

const plain = z.union([z.string(), z.number(), z.boolean()], 'text, a number, true or false');
const condition: z.ZodType<Condition, Condition> = z.lazy(() => conditionSchema);

export const conditionSchema: z.ZodType<Condition, Condition> = oneOf<Condition>(
  'a function from record to true or false, or an object with',
  [
    {
      when: 'path',
      schema: z
        .strictObject({
          path: z.union([pathSchema, z.array(pathSchema).min(1)], 'a path or a list of paths'),
          equals: plain.optional(),
          in: z.array(plain).min(1).optional(),
          exists: z.boolean().optional(),
          matches: patternSchema.optional(),
        })
        .refine((value) => Object.keys(value).length > 1, 'equals, in, exists or matches beside the path'),
    },
    { when: 'and', schema: z.strictObject({ and: z.array(condition).min(1) }) },
    { when: 'or', schema: z.strictObject({ or: z.array(condition).min(1) }) },
    { when: 'not', schema: z.strictObject({ not: condition }) },
  ],
);
