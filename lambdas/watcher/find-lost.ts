/** Which objects lie in the landing bucket without anybody knowing of them, and which of these are asked for once more. */
import { type Importer, type Source, sourceOf } from '../../shared/config.ts';
import { type Dump, dumpId } from '../../shared/dump.ts';
import type { LandedObject } from '../../shared/landing.ts';

const HOUR_MS = 3_600_000;

/** S3 notifies within seconds, mostly; after so long its word is late. */
const MIN_AGE_MS = HOUR_MS;
/** What was lost longer ago somebody has noticed. */
export const MAX_AGE_MS = 72 * HOUR_MS;
/** While messages wait on the intake queue, one of them may be the dump's; after so long it is asked for all the same. */
const PATIENCE_MS = 24 * HOUR_MS;
/** A dump that was asked for and is still unknown may be in trouble that the chunker sees. */
const AGAIN_AFTER_MS = 12 * HOUR_MS;
/** At most so many in a run, so that a mistake of ours is small. */
export const MAX_REDRIVEN = 100;

/** An object that the ledger does not seem to know. */
export type Suspect = LandedObject & { readonly source: Source };

/** What has been seen of the landing bucket before. */
export type Seen = {
  readonly now: number;
  readonly importer: Importer;
  /** Names of the objects that the ledger knows, see `nameOf`. */
  readonly known: ReadonlySet<string>;
  /** From when on each source has been watched, ms since epoch, by its name: what lay there before nobody was told of. */
  readonly since: Readonly<Record<string, number>>;
};

/** A version with the same bytes counts as the same: its events would be dropped anyway. */
export function nameOf({ key, etag }: Pick<LandedObject, 'key' | 'etag'>): string {
  return JSON.stringify([key, etag]);
}

/** Those that a source takes, that are old enough and not too old, and that the ledger does not know. */
export function findSuspects(objects: readonly LandedObject[], { now, importer, known, since }: Seen): Suspect[] {
  return objects.flatMap((object) => {
    const age = now - object.modifiedAt;
    // A folder's marker is no dump (see notification.ts).
    if (object.key.endsWith('/') || age < MIN_AGE_MS || age > MAX_AGE_MS || known.has(nameOf(object))) return [];
    const source = sourceOf(importer, object.key);
    const isWatched = source && object.modifiedAt >= (since[source.name] ?? now);
    return isWatched ? [{ ...object, source }] : [];
  });
}

/** A dump that the ledger does not know, as a notification would name it. */
export type Lost = { readonly dump: Dump; readonly source: string; readonly modifiedAt: number };

/** Where a dump may be that the ledger does not know. */
export type Elsewhere = {
  readonly now: number;
  /** How many messages wait on the intake queue. */
  readonly backlog: number;
  /** Ids of dumps that wait for their turn. */
  readonly inLine: ReadonlySet<string>;
  /** Ids of dumps that were given up: they have an alarm of their own. */
  readonly dead: ReadonlySet<string>;
  /** Dumps that were asked for before: id → when. */
  readonly redriven: Readonly<Record<string, number>>;
};

/** The oldest first; `later` counts those that may be asked for in another run. */
export function chooseRedriven(
  lost: readonly Lost[],
  { now, backlog, inLine, dead, redriven }: Elsewhere,
): { readonly chosen: readonly Lost[]; readonly later: number } {
  const unknown = lost.filter(({ dump }) => {
    const id = dumpId(dump);
    return !inLine.has(id) && !dead.has(id) && now - (redriven[id] ?? 0) >= AGAIN_AFTER_MS;
  });
  const ready = unknown.filter(({ modifiedAt }) => backlog === 0 || now - modifiedAt >= PATIENCE_MS);
  const chosen = ready.toSorted((a, b) => a.modifiedAt - b.modifiedAt).slice(0, MAX_REDRIVEN);
  return { chosen, later: unknown.length - chosen.length };
}

/** The prefixes to list: none that lies below another one. */
export function prefixesOf({ sources }: Pick<Importer, 'sources'>): readonly string[] {
  const all = [...new Set(sources.map(({ prefix }) => prefix))].toSorted();
  return all.filter((prefix) => !all.some((other) => other !== prefix && prefix.startsWith(other)));
}
