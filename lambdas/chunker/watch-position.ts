/** Tells whether a function of the configuration wants to know a record's position, which nobody knows while parts are read ahead. */
import type { RecordPosition, Source } from '../../shared/config.ts';

export type Watched = {
  /** The source with functions that do the same. */
  readonly source: Source;
  /** How often one of them has looked at a position. */
  looks(): number;
};

/** One per source, as its transform is opened only once. */
const watched = new WeakMap<Source, Watched>();

export function watchPosition(source: Source): Watched {
  const known = watched.get(source);
  if (known) return known;
  let looks = 0;
  const watch = ({ dump, position }: RecordPosition): RecordPosition => ({
    dump,
    get position() {
      looks += 1;
      return position;
    },
  });
  const { map, filter, enrich } = source;
  const watching: Source = {
    ...source,
    ...(typeof map === 'function' && { map: (record, at, events) => map(record, watch(at), events) }),
    ...(typeof filter === 'function' && { filter: (record, at) => filter(record, watch(at)) }),
    ...(enrich && {
      enrich: enrich.map((step) => (typeof step === 'function' ? (event, at) => step(event, watch(at)) : step)),
    }),
  };
  const its = { source: watching, looks: () => looks };
  watched.set(source, its);
  return its;
}
