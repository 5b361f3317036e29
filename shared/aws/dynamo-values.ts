/** DynamoDB's attribute values: to and from text, numbers, sets and JSON. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';

export type Item = Record<string, AttributeValue>;
export type Field = string | number | ReadonlySet<string> | ReadonlySet<number>;
export type Fields = Readonly<Record<string, Field | undefined>>;

/** What is undefined is left out, and so is an empty set: DynamoDB has none. */
export function toItem(fields: Fields): Item {
  const item: Item = {};
  for (const [name, field] of Object.entries(fields)) {
    const isEmpty = field === undefined || (field instanceof Set && field.size === 0);
    if (!isEmpty) item[name] = toValue(field);
  }
  return item;
}

/** Throws when the item lacks the attribute. */
export function textOf(item: Item, name: string): string {
  return present(item[name]?.S, item, name);
}

/** Throws when the item lacks the attribute. */
export function numberOf(item: Item, name: string): number {
  return Number(present(item[name]?.N, item, name));
}

/** Throws when the item lacks the attribute. Its type is what was once stored under this name. */
export function jsonOf<T>(item: Item, name: string): T {
  return JSON.parse(textOf(item, name)) as T;
}

export function namesOf(item: Item, name: string): ReadonlySet<string> {
  return new Set(item[name]?.SS);
}

export function numbersOf(item: Item, name: string): ReadonlySet<number> {
  return new Set(item[name]?.NS?.map(Number));
}

/** Stands in for `#name` and `:name` in DynamoDB's expressions, so that no word of ours can be one that it reserves. */
export type Placeholders = {
  ExpressionAttributeNames: Record<string, string>;
  ExpressionAttributeValues?: Item;
};

/**
 * Explains what the expressions mention: `#x` is the attribute x, unless `names` says otherwise, and `:x` is the field x.
 * Fields not mentioned are left out, since DynamoDB refuses them.
 */
export function placeholders(
  expressions: readonly string[],
  fields: Fields,
  names: Readonly<Record<string, string>> = {},
): Placeholders {
  const text = expressions.join(' ');
  const attributes = mentioned(text, /#(\w+)/g).map((name) => [`#${name}`, names[name] ?? name]);
  const values = mentioned(text, /:(\w+)/g).map((name) => [`:${name}`, fields[name]]);
  return {
    ExpressionAttributeNames: Object.fromEntries(attributes),
    ...(values.length > 0 && { ExpressionAttributeValues: toItem(Object.fromEntries(values)) }),
  };
}

function mentioned(text: string, placeholder: RegExp): string[] {
  return [...text.matchAll(placeholder)].map(([, name = '']) => name);
}

function toValue(field: Field): AttributeValue {
  if (typeof field === 'string') return { S: field };
  if (typeof field === 'number') return { N: String(field) };
  const members = [...field];
  return typeof members[0] === 'number' ? { NS: members.map(String) } : { SS: members.map(String) };
}

function present(value: string | undefined, item: Item, name: string): string {
  if (value !== undefined) return value;
  throw new Error(`item ${item.pk?.S ?? '?'} ${item.sk?.S ?? '?'} in the ledger has no ${name}`);
}
