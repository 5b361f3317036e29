/** Makes one function from record to events of what a source says: a preset or converter, a map of either form, both, or neither. */
import type { AmplitudeEvent } from '../../shared/amplitude-event.ts';
import type { MapFunction, Source } from '../../shared/config.ts';
import { compileFields, layOver } from './field-map.ts';

/**
 * Undefined when a record already is an event. `base` is the source's preset or converter: a map function is called with
 * its events and gives the final ones; the fields of a declarative map are laid over each of them.
 */
export function openMap({ map }: Pick<Source, 'map'>, base?: MapFunction): MapFunction | undefined {
  if (map === undefined) return base;
  if (typeof map === 'function') {
    return base ? (record, at) => map(record, at, toList(base(record, at, []))) : map;
  }
  const fields = compileFields(map);
  if (!base) return (record) => fields({ value: record, record }) as AmplitudeEvent; // checked later, like any map's
  return (record, at) => {
    const events = toList(base(record, at, []));
    if (events.length === 0) return null;
    const laid = fields({ value: record, record });
    return events.map((event, i) => layOver(event, i === 0 ? laid : withSuffix(laid, i)) as AmplitudeEvent);
  };
}

/** Several events of one record must not have the same insert_id: Amplitude would keep one. */
function withSuffix<Fields extends { readonly insert_id?: unknown }>(fields: Fields, i: number): Fields {
  return typeof fields.insert_id === 'string' ? { ...fields, insert_id: `${fields.insert_id}-${i}` } : fields;
}

function toList(result: ReturnType<MapFunction>): readonly AmplitudeEvent[] {
  if (result === null || result === undefined) return [];
  return isList(result) ? result : [result];
}

function isList(result: AmplitudeEvent | readonly AmplitudeEvent[]): result is readonly AmplitudeEvent[] {
  return Array.isArray(result);
}
