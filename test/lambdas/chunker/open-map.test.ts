/** A map together with a preset or a converter. */
import { expect, test } from 'vitest';
import { openMap } from '../../../lambdas/chunker/open-map.ts';
import type { JsonObject } from '../../../shared/amplitude-event.ts';
import type { MapFunction } from '../../../shared/config.ts';
import { visit } from './making.ts';

const AT = { dump: 'day.ndjson', position: 1 };
/** Two events of each record, one of a record with `one`, none of one with `none`. */
const preset: MapFunction = ({ page, none, one }) => {
  const event = visit({ city: 'Bern', event_properties: { page, kept: true } });
  if (none) return null;
  return one ? event : [event, visit({ insert_id: 'x' })];
};
const apply = (map: Parameters<typeof openMap>[0]['map'], record: JsonObject) =>
  openMap({ map }, preset)?.(record, AT, []);

test('alone it makes the events', () => {
  expect(apply(undefined, { one: 1, page: '/' })).toEqual(
    visit({ city: 'Bern', event_properties: { page: '/', kept: true } }),
  );
});

test('a declarative map is evaluated against the record and laid over each of its events', () => {
  const map = {
    city: 'town',
    insert_id: 'id',
    event_properties: { fields: { page: { value: 'x' }, more: 'n' } },
  } as const;
  expect(apply(map, { town: 'Ulm', id: 'own', n: 1, page: '/' })).toEqual([
    visit({ city: 'Ulm', insert_id: 'own', event_properties: { page: 'x', kept: true, more: 1 } }),
    visit({ city: 'Ulm', insert_id: 'own-1', event_properties: { page: 'x', more: 1 } }),
  ]);
  expect(apply(map, { one: 1 })).toEqual([visit({ city: 'Bern', event_properties: { page: 'x', kept: true } })]);
  expect(apply(map, { none: 1 })).toBeNull();
});

test('a function gets its events and gives the final ones', () => {
  const map: MapFunction = ({ page }, { position }, events) =>
    events.map((event) => ({ ...event, region: `${page as string}${position}` }));
  expect(apply(map, { page: '/', one: 1 })).toMatchObject([{ city: 'Bern', region: '/1' }]);
  expect(apply((_record, _at, events) => visit({ count: events.length }), { none: 1 })).toEqual(visit({ count: 0 }));
});
