/** Which sources' records are passed through as text. */
import { expect, test } from 'vitest';
import { recordPathOf, type RecordPath } from '../../../lambdas/chunker/splice-plan.ts';
import type { EnrichStep, LookupOptions } from '../../../shared/enrich-step.ts';
import { type SourceChanges, sourceOf } from './fixtures.ts';

const set: EnrichStep = {
  set: { library: { value: 'import' }, event_properties: { fields: { from: { value: 'S3' } } } },
};
const hash = (...fields: readonly string[]): EnrichStep => ({ hash: { fields, secret: 'key' } });
const lookup = (options: Partial<LookupOptions> = {}): EnrichStep => ({
  lookup: { file: 'users.csv', key: 'user_id', column: 'id', take: ['plan'], ...options },
});

test.each<[string, SourceChanges, RecordPath]>([
  ['nothing', {}, 'text'],
  ['constants', { enrich: [set] }, 'text'],
  ['constants, a lookup and a hash of other fields', { enrich: [set, lookup(), hash('user_id', 'ip')] }, 'text'],
  ['a lookup by what was hashed', { enrich: [hash('user_id'), lookup()] }, 'made'],
  ['… by what it was in the record', { enrich: [hash('user_id'), lookup({ key: '$record.user_id' })] }, 'text'],
  [
    'a lookup by what another adds',
    { enrich: [lookup(), lookup({ key: 'event_properties.plan', take: ['x'] })] },
    'made',
  ],
  ['two steps that give the same name', { enrich: [lookup(), lookup({ file: 'more.csv' })] }, 'made'],
  ['a lookup into the event', { enrich: [lookup({ into: 'event', take: ['city'] })] }, 'text'],
  ['… of an id', { enrich: [lookup({ into: 'event', take: ['device_id'] })] }, 'made'],
  ['… of an object', { enrich: [lookup({ into: 'event', take: ['groups'] })] }, 'made'],
  ['a lookup by an expression', { enrich: [lookup({ key: ['user_id', 'device_id'] })] }, 'made'],
  ['a constant that Amplitude refuses', { enrich: [{ set: { price: { value: 'a lot' } } }] }, 'made'],
  ['a constant in place of an id', { enrich: [{ set: { user_id: { value: 'somebody' } } }] }, 'made'],
  ['a set that reads the event', { enrich: [{ set: { platform: 'os_name' } }] }, 'made'],
  ['… within an object', { enrich: [{ set: { event_properties: { fields: { os: 'os_name' } } } }] }, 'made'],
  ['a hash of a number', { enrich: [hash('price')] }, 'made'],
  ['a hash of one field twice', { enrich: [hash('user_id', 'user_id')] }, 'made'],
  ['… in two spellings', { enrich: [hash('user_properties.email', 'user_properties."email"')] }, 'made'],
  ['another step', { enrich: [{ drop: ['ip'] }] }, 'made'],
  ['a map', { map: () => null }, 'made'],
  ['a filter', { filter: () => true }, 'parsed'],
  ['a filter and a step', { filter: () => true, enrich: [set] }, 'made'],
])('%s', (_, changes, expected) => {
  expect(recordPathOf(sourceOf(changes))).toBe(expected);
});
