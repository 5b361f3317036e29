/** The self-describing parts of a Snowplow record, the event and its entities, in the one shape that its analytics SDKs give them. */
import type { Json, JsonObject } from '../amplitude-event.ts';
import { objectOf, objectsOf, parsedObjectOf, textOf } from './read-field.ts';

export type SelfDescribing = {
  /** Data of a self-describing event; empty for the other kinds. */
  readonly event: JsonObject;
  /** Its name, from its schema. */
  readonly eventName: string | undefined;
  /** Entities by name, `contexts_<vendor>_<name>_<model>`, each a list. */
  readonly contexts: JsonObject;
};

const EVENT_PREFIX = 'unstruct_event_';
const CONTEXTS_PREFIX = 'contexts_';

/** In TSV they are JSON text with schemas in three columns, in the SDKs' JSON fields that are named by the schema. */
export function readSelfDescribing(record: JsonObject): SelfDescribing {
  const names = Object.keys(record);
  const inner = objectOf(parsedObjectOf(record.unstruct_event, 'unstruct_event')?.data);
  const field = names.find((name) => name.startsWith(EVENT_PREFIX));
  const contexts = names.filter((name) => name.startsWith(CONTEXTS_PREFIX)).map((name) => [name, record[name]]);
  return {
    event: objectOf(inner?.data) ?? (field === undefined ? undefined : objectOf(record[field])) ?? {},
    eventName: inner ? SCHEMA.exec(textOf(inner.schema) ?? '')?.[2] : nameInField(field),
    contexts: { ...Object.fromEntries(contexts), ...contextsBySchema(record) },
  };
}

/** `contexts` came with the event, `derived_contexts` from enrichment. */
function contextsBySchema(record: JsonObject): JsonObject {
  const byName = new Map<string, Json[]>();
  for (const column of ['contexts', 'derived_contexts']) {
    for (const { schema, data } of objectsOf(parsedObjectOf(record[column], column)?.data)) {
      const name = contextName(textOf(schema) ?? '');
      if (name === undefined || data === undefined) continue;
      byName.set(name, [...(byName.get(name) ?? []), data]);
    }
  }
  return Object.fromEntries(byName);
}

/** `iglu:com.acme/productView/jsonschema/1-0-2`: vendor, name, format, model. */
const SCHEMA = /^iglu:([^/]+)\/([^/]+)\/[^/]+\/(\d+)-/;

/** `contexts_com_acme_product_view_1`. */
function contextName(schema: string): string | undefined {
  const [, vendor, name, model] = SCHEMA.exec(schema) ?? [];
  if (vendor === undefined || name === undefined) return undefined;
  const snakeCase = name.replaceAll(/([^A-Z_])([A-Z])/g, '$1_$2');
  return `${CONTEXTS_PREFIX}${`${vendor}_${snakeCase}_${model}`.replaceAll(/[.-]/g, '_').toLowerCase()}`;
}

/** The vendor cannot be told from the name, but `event_name` says it better anyway: only the model is taken off. */
function nameInField(field: string | undefined): string | undefined {
  return field?.slice(EVENT_PREFIX.length).replace(/_\d+$/, '');
}
