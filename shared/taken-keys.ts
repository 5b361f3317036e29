/** Which keys a source takes: by prefix, and by a pattern of its own or that of its converter. */
import type { Source } from './config.ts';
import { compileConverter, ConverterConfigError } from './converter.ts';
import { compileGlob } from './glob.ts';

type Taking = Pick<Source, 'prefix' | 'pattern' | 'convert'>;

/** A pattern says how a key goes on after the prefix; that of a converter takes the whole key, as in Amplitude's own import. */
export function takesKey({ prefix, pattern, convert }: Taking, key: string): boolean {
  if (!key.startsWith(prefix)) return false;
  if (pattern !== undefined) return compileGlob(pattern)?.test(key.slice(prefix.length)) ?? false;
  return filterPatternOf(convert)?.test(key) ?? true;
}

/** Why no dump is left for the source after those before it, and what to do; undefined when some may be. */
export function describeRival(before: readonly (Taking & Pick<Source, 'name'>)[], source: Taking): string | undefined {
  const rival = before.find((other) => other.prefix === source.prefix && takesAll(other, source));
  if (!rival) return undefined;
  return `a prefix of its own, or a pattern for ${rival.name}, which comes before it and takes all dumps with this one`;
}

/** Of two sources with one prefix: whether nothing is left for the second one. Of a converter file that is not read yet nobody knows. */
function takesAll({ pattern, convert }: Taking, second: Taking): boolean {
  if (pattern !== undefined) return pattern === second.pattern;
  if (typeof convert === 'string') return false;
  const filter = filterPatternOf(convert);
  if (filter === undefined) return true;
  if (second.pattern !== undefined || typeof second.convert === 'string') return false;
  return filterPatternOf(second.convert)?.source === filter.source;
}

/** Undefined, too, when the converter cannot be used, which the configuration's check reports. Throws when its file was not read. */
function filterPatternOf(convert: Taking['convert']): RegExp | undefined {
  if (typeof convert === 'string')
    throw new Error(`the converter file ${convert} was not loaded with the configuration`);
  try {
    return convert && compileConverter(convert).filterPattern;
  } catch (error) {
    if (error instanceof ConverterConfigError) return undefined;
    throw error;
  }
}
