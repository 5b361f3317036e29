/** A dump as it might be dropped: a few thousand events with what breaks importers in them, and a few lines that are none. */

export type TestDump = {
  /** The whole file, uncompressed. */
  readonly text: string;
  /** Its events as they are to arrive; those without an insert_id of their own lack it here. */
  readonly events: ReadonlySet<string>;
  /** Its lines that make no event. */
  readonly unusable: readonly string[];
};

/** Must be in no line of any log. */
export const SECRET_CONTENT = 'only in an event';

export const UNUSABLE = [
  '{"event_type":"cut',
  '[1,2]',
  '{"user_id":"somebody"}',
  '{"event_type":"short id","device_id":"ab"}',
];

export function makeDump(name: string, count: number): TestDump {
  const events = Array.from({ length: count }, (_, index) => eventText(name, index));
  const lines = events.flatMap((event, index) => {
    const bad = UNUSABLE[index / 700];
    return bad === undefined ? [event] : [bad, event];
  });
  const unusable = lines.filter((line) => UNUSABLE.includes(line));
  return { text: `${lines.join('\n')}\n`, events: new Set(events), unusable };
}

/** The event as it stood in the dump: the id that was made for it stands first, as 16 characters. */
export function withoutMadeId(text: string): string {
  return text.replace(/^\{"insert_id":"[\w-]{16}",/, '{');
}

/** Written by hand where JSON.stringify would change it: an integer beyond 2^53, a number with a zero at its end. */
export function eventText(name: string, index: number, device = `device-${index % 97}`): string {
  const own = index % 3 === 0 ? `"insert_id":"${name} ${index}",` : '';
  const place = PLACES[index % PLACES.length];
  const properties = `{"dump":"${name}","order":${9_007_199_254_740_993n + BigInt(index)},"price":${index}.50,"place":"${place}","note":"${SECRET_CONTENT}"}`;
  const time = 1_700_000_000_000 + index * 1_000;
  return `{"event_type":"visit","device_id":"${device}",${own}"time":${time},"event_properties":${properties}}`;
}

/** U+2028 is a line end for some readers, and none in JSON. */
const PLACES = ['Zürich', '東京', '🏔️ Säntis', 'line\u2028separator', 'escaped \\u00e9\\n', 'Ελλάδα'];
