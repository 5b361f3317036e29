/** What people did in the shop on the example day: visits of some steps each, and the terminal that is touched all day. */
import type { Random } from './random.ts';
import {
  DEVICE_KINDS,
  type DeviceKind,
  PLACES,
  type Place,
  PRODUCTS,
  type Product,
  REVIEWS,
  SEARCHES,
} from './shop.ts';

export type DayEvent = { readonly event_type: string; readonly time: number; readonly [field: string]: unknown };

export type Person = {
  readonly id: string;
  readonly place: Place;
  readonly devices: readonly { readonly id: string; readonly kind: DeviceKind }[];
  /** How often this person is logged in already when a visit begins. */
  readonly loggedIn: number;
};

type Step =
  | 'Page Viewed'
  | 'Search Performed'
  | 'Product Viewed'
  | 'Review Written'
  | 'Product Added'
  | 'Checkout Started'
  | 'Order Completed';

/** What may come after a step, each as likely as it is often there. */
const NEXT: Readonly<Record<Step, readonly Step[]>> = {
  'Page Viewed': ['Search Performed', 'Product Viewed', 'Product Viewed', 'Page Viewed'],
  'Search Performed': ['Product Viewed', 'Product Viewed', 'Search Performed'],
  'Product Viewed': ['Product Viewed', 'Product Added', 'Product Added', 'Review Written', 'Page Viewed'],
  'Review Written': ['Product Viewed', 'Page Viewed'],
  'Product Added': ['Checkout Started', 'Checkout Started', 'Product Viewed'],
  'Checkout Started': ['Order Completed', 'Order Completed', 'Page Viewed'],
  'Order Completed': ['Page Viewed'],
};

export function makePerson(id: string, loggedIn: number, random: Random): Person {
  const devices = Array.from({ length: random.weighted([0, 6, 3, 1]) }, () => {
    const kind = DEVICE_KINDS[random.weighted(DEVICE_KINDS.map(({ share }) => share))] ?? random.pick(DEVICE_KINDS);
    return { id: kind.platform === 'iOS' ? uuid(random).toUpperCase() : uuid(random), kind };
  });
  const place = PLACES[random.weighted(PLACES.map(({ share }) => share))] ?? random.pick(PLACES);
  return { id, place, devices, loggedIn };
}

function uuid({ hex }: Random): string {
  return `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`;
}

/** One visit: until the person logs in, its events name the device only. */
export function visit(person: Person, start: number, random: Random): DayEvent[] {
  const { place, id } = person;
  const { id: device_id, kind } = random.pick(person.devices);
  const { share: _, ...device } = kind;
  const steps = random.between(2, 11);
  const loginAt = random.chance(person.loggedIn) ? 0 : random.between(1, 14);
  const events: DayEvent[] = [];
  let time = start;
  let step: Step = 'Page Viewed';
  let product = random.pick(PRODUCTS);
  for (let i = 0; i < steps; i += 1) {
    const who = i >= loginAt ? { user_id: id, device_id } : { device_id };
    const { country, region, city, language } = place;
    const common = { ...who, session_id: start, ...device, country, region, city, language };
    if (i === loginAt && i > 0) {
      events.push({ event_type: 'Logged In', time: time - 400, ...common, ...loginProperties(place, random) });
    }
    events.push({ event_type: step, time, ...common, ...stepProperties(step, product, place, random) });
    time += random.between(1_500, 95_000);
    step = random.pick(NEXT[step]);
    if (step === 'Product Viewed') product = random.pick(PRODUCTS);
    if (step === 'Order Completed' && i + 1 < loginAt) step = 'Page Viewed';
  }
  return events;
}

function loginProperties(place: Place, random: Random) {
  return {
    event_properties: { method: random.pick(['password', 'passkey', 'magic link']) },
    user_properties: {
      plan: random.pick(['free', 'free', 'free', 'plus']),
      newsletter: random.chance(0.3),
      interests: PRODUCTS.filter(() => random.chance(0.15)).flatMap(({ tags }) => tags.slice(-1)),
      address: { country: place.country, postcode: String(random.between(10_000, 99_999)) },
    },
  };
}

function stepProperties(step: Step, product: Product, place: Place, random: Random) {
  const { id, name, category, tags, price } = product;
  switch (step) {
    case 'Page Viewed':
      return { event_properties: pageProperties(random) };
    case 'Search Performed':
      return { event_properties: searchProperties(random) };
    case 'Product Viewed':
      return { event_properties: { product: { id, name, category, tags, price }, position: random.between(1, 40) } };
    case 'Review Written':
      return { event_properties: { product_id: id, stars: random.between(1, 5), text: random.pick(REVIEWS) } };
    case 'Product Added':
      return { event_properties: { product_id: id, name, in_cart: random.between(1, 4), gift: random.chance(0.1) } };
    case 'Checkout Started':
      return { event_properties: { payment: { methods: ['card', 'invoice', 'wallet'], express: random.chance(0.4) } } };
    case 'Order Completed':
      return orderProperties(product, place, random);
  }
}

function pageProperties(random: Random) {
  const path = random.pick(['/', '/books', '/records', '/things', '/books/日本語', '/account']);
  const source = random.pick(['newsletter', 'search', '', '', '']);
  return { path, ...(source && { campaign: { source, medium: 'cpc', ids: [random.between(1, 9), null] } }) };
}

function searchProperties(random: Random) {
  const filters = [
    { field: 'category', values: ['Books', 'Records'] },
    { field: 'price', max: 25.5 },
  ];
  return {
    query: random.pick(SEARCHES),
    results: random.between(0, 240),
    filters: filters.slice(0, random.between(0, 2)),
  };
}

function orderProperties({ id, name, price }: Product, { currency }: Place, random: Random) {
  const quantity = random.between(1, 3);
  return {
    price,
    quantity,
    // Some senders give the sum too, others leave it to Amplitude.
    ...(random.chance(0.5) && { revenue: Math.round(price * quantity * 100) / 100 }),
    productId: id,
    revenueType: 'purchase',
    currency,
    event_properties: { items: [{ id, name, quantity }], shipping: { cost: 3.9, express: random.chance(0.2) } },
  };
}

/** The terminal in the store, shared by everybody who walks in: one device with many events and no user. */
export function terminalDay(opens: number, events: number, random: Random): DayEvent[] {
  let time = opens;
  return Array.from({ length: events }, () => {
    time += random.between(8_000, 46_000);
    const event_properties = random.chance(0.4)
      ? searchProperties(random)
      : { screen: random.pick(['start', 'shelf finder', 'Empfehlungen', 'listen 🎧']), idle_s: random.between(0, 60) };
    const event_type = 'query' in event_properties ? 'Search Performed' : 'Terminal Touched';
    const device = { device_id: 'terminal-berlin-1', platform: 'Terminal', os_name: 'Windows', app_version: '2.0' };
    return { event_type, time, ...device, country: 'Germany', city: 'Berlin', language: 'German', event_properties };
  });
}
