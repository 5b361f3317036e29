/** What an operator of the converter language is: its names, its arguments, and how it is compiled. */
import type { Json } from '../amplitude-event.ts';
import type { RecordPosition } from '../config.ts';

/** A compiled source description: the value it finds in an element, or undefined where there is none. */
export type Read = (element: Json, at: RecordPosition) => Json | undefined;

/** The time that `ms_time_now` and `iso_time_now` give, ms since epoch; the same for the same record, whenever asked. */
export type Clock = (at: RecordPosition) => number;

/** `source`: a description of its own. `text`: a text that means itself. `json`: any value that means itself. */
export type ArgumentKind = 'source' | 'text' | 'json';

/** What stands in the configuration, checked and compiled; sources and texts each in their order. */
export type Given = {
  readonly sources: readonly Read[];
  readonly texts: readonly string[];
  /** The argument of kind `json`. */
  readonly json: Json | undefined;
  readonly clock: Clock | undefined;
  /** Throws a ConversionError: a value stands there that the operator can do nothing with. */
  readonly fail: (found: Json | undefined, expected: string) => never;
};

/** Arguments of the right kind that cannot be compiled all the same, and why. */
export type Mistake = { readonly mistake: string };

export type Operator = {
  /** All of them mean the same. */
  readonly names: readonly [string, ...string[]];
  /** The arguments that must stand. */
  readonly once: readonly ArgumentKind[];
  /** A group of arguments that may follow, any number of times. */
  readonly again?: readonly ArgumentKind[];
  readonly build: (given: Given) => Read | Mistake;
};

/** A source with no value in it. */
export const nothing: Read = () => undefined;

/** How the operator is written, in the notation of Amplitude's reference. */
export function syntaxOf({ names, once, again }: Operator): string {
  const shown = (kinds: readonly ArgumentKind[]) => kinds.map((kind) => (kind === 'text' ? '"text"' : kind));
  const repeated = again ? ` | ${shown(again).join(', ')} …` : '';
  return `[${[JSON.stringify(names[0]), ...shown(once)].join(', ')}${repeated}]`;
}
