/** The lines of the example day that no event can be made from, as real dumps have them, each with the reason it gets. */
import type { DayEvent } from './visits.ts';

/** `reason` is what the receipt counts; `spoil` makes the bad line from a good event. */
type BadLine = { readonly reason: string; spoil(event: DayEvent): string | Buffer };

const ZERO_UUID = '00000000-0000-0000-0000-000000000000';

export const BAD_LINES: readonly BadLine[] = [
  bad('record is not JSON', (event) => text(event).slice(0, -30)),
  bad('record is not JSON', (event) => `${text(event).slice(0, 80)}${text(event)}`),
  bad('record is not JSON', (event) => text(event).replace('"event_type":"', '"event_type":"\u0000')),
  bad('record is not JSON', () => 'ERROR: connection reset while exporting, 3 rows skipped'),
  bad('record is not UTF-8', (event) => Buffer.from(text({ ...event, city: 'Köln' }), 'latin1')),
  bad('record is not UTF-8', (event) => Buffer.concat([Buffer.from(text(event)), Buffer.from([0xff, 0xfe])])),
  bad('record is not an object', (event) => `[${text(event)}]`),
  bad('record is not an object', () => '42'),
  bad('record is not an object', () => 'null'),
  bad('event_type is missing', (event) => text({ ...event, event_type: undefined })),
  bad('event_type is missing', (event) => text({ ...event, event_type: '' })),
  bad('event_type is not a string', (event) => text({ ...event, event_type: 7 })),
  bad('user_id and device_id are both missing', (event) =>
    text({ ...event, user_id: undefined, device_id: undefined }),
  ),
  bad('user_id and device_id are both missing', (event) => text({ ...event, user_id: null, device_id: null })),
  bad('user_id stands for nobody', (event) => text({ ...event, user_id: 'anonymous' })),
  bad('user_id stands for nobody', (event) => text({ ...event, user_id: '0' })),
  bad('device_id stands for nobody', (event) => text({ ...event, device_id: ZERO_UUID })),
  bad('user_id is too short', (event) => text({ ...event, user_id: 'ab1' })),
  bad('user_id is not a string', (event) => text({ ...event, user_id: 10_234 })),
  bad('time is not a whole number', (event) => text({ ...event, time: '2026-11-20T12:34:56.789Z' })),
  bad('time is not a whole number', (event) => text({ ...event, time: event.time + 0.5 })),
  bad('time is not a whole number', (event) => text({ ...event, time: String(event.time) })),
  bad('event_properties is not an object', (event) => text({ ...event, event_properties: ['path', '/'] })),
  bad('event_properties is not an object', (event) => text({ ...event, event_properties: '{"path":"/"}' })),
  bad('user_properties is not an object', (event) => text({ ...event, user_properties: 'plus' })),
  bad('price is not a number', (event) => text({ ...event, price: '9.99' })),
  bad('quantity is not a whole number', (event) => text({ ...event, price: 9.99, quantity: 1.5 })),
  bad('platform is not a string', (event) => text({ ...event, platform: { name: 'Web' } })),
  bad('event_properties is nested too deeply', (event) => text({ ...event, event_properties: nest(60) })),
];

function bad(reason: string, spoil: BadLine['spoil']): BadLine {
  return { reason, spoil };
}

function text(event: object): string {
  return JSON.stringify(event);
}

function nest(levels: number): object {
  return levels === 1 ? { reply: 'the end' } : { reply: nest(levels - 1) };
}
