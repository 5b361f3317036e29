/** Where a value stands in a record or an event: `user.id`, `ll.0`, `Fields."user.id"`. */

/** A path is written with dots; a name that holds one stands in double quotes. In a list a number is the place, from 0. */
export type Path = string;

/** Of the record, in a step, where a path otherwise begins at the event. */
const RECORD = '$record';

const NAME = /"((?:[^"\\]|\\.)*)"|[^".]+/y;

/** The names of a path, outermost first; undefined when it is none. */
export function parsePath(path: Path): readonly string[] | undefined {
  const names: string[] = [];
  for (let at = 0; ; at = NAME.lastIndex + 1) {
    NAME.lastIndex = at;
    const found = NAME.exec(path);
    if (!found) return undefined;
    names.push(found[1]?.replaceAll(/\\(.)/g, '$1') ?? found[0]);
    if (NAME.lastIndex === path.length) return names;
    if (path[NAME.lastIndex] !== '.') return undefined;
  }
}

/** The names of a path that the configuration's check has let through. */
export function namesOf(path: Path): readonly string[] {
  const names = parsePath(path);
  if (!names) throw new Error(`${JSON.stringify(path)} is no path`);
  return names;
}

/** The names below the record, when the path begins with `$record.`; otherwise undefined. */
export function namesInRecord(path: Path): readonly string[] | undefined {
  return path.startsWith(`${RECORD}.`) ? namesOf(path.slice(RECORD.length + 1)) : undefined;
}

/** What stands there; undefined when nothing does. Null counts as nothing, as it does for Amplitude. */
export function valueAt(value: unknown, names: readonly string[]): unknown {
  let found = value;
  for (const name of names) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return undefined;
    if (Array.isArray(found) && !/^\d+$/.test(name)) return undefined;
    found = (found as Readonly<Record<string, unknown>>)[name];
  }
  return found ?? undefined;
}

/** The literal pieces and the paths between them of a template such as `{first} {last}`; undefined when it is none. `{{` is a brace. */
export function parseTemplate(template: string): readonly (string | { readonly path: Path })[] | undefined {
  const pieces: (string | { readonly path: Path })[] = [];
  for (const [piece] of template.matchAll(/\{\{|\}\}|\{[^{}]*\}|[^{}]+|[{}]/g)) {
    if (piece === '{' || piece === '}') return undefined;
    const path = piece.slice(1, -1);
    if (piece === '{{' || piece === '}}') pieces.push(piece.charAt(0));
    else if (!piece.startsWith('{')) pieces.push(piece);
    else if (parsePath(path)) pieces.push({ path });
    else return undefined;
  }
  return pieces;
}
