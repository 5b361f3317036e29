/** What the chunker is measured with: the same events passed through, with additions, and mapped. */
import type { AmplitudeEvent } from '../shared/amplitude-event.ts';
import { defineImporter, type ImporterInput } from '../shared/config.ts';
import { STEPS } from './steps.ts';

type SourceInput = Omit<ImporterInput['sources'][number], 'name' | 'prefix' | 'project' | 'format'>;

/** A row for each product of the generated events. */
export const PRODUCTS = 'products.csv';

const join = {
  lookup: {
    file: PRODUCTS,
    key: 'event_properties.product.id',
    column: 'id',
    take: ['category', 'publisher'],
    prefix: 'product_',
  },
} as const;
const set = {
  set: { library: { value: 'bench/1' }, event_properties: { fields: { imported: { value: true } } } },
} as const;
const hash = { hash: { fields: ['user_id'], secret: 'bench/hash-key' } } as const;

const VARIANTS = {
  'pass-through': {},
  'with-join': { enrich: [join] },
  'with-join-set-hash': { enrich: [set, join, hash] },
  function: { map: (record) => ({ ...(record as AmplitudeEvent), library: 'bench/1' }) },
  declarative: { map: STEPS['map: declarative']?.map },
} satisfies Readonly<Record<string, SourceInput>>;

export type Variant = keyof typeof VARIANTS;

export default defineImporter({
  sources: Object.entries(VARIANTS).map(([name, settings]) => {
    return { ...settings, name, prefix: `${name}/`, format: 'ndjson', project: { secret: 'amplitude/bench' } };
  }),
});
