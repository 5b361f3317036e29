/** Operators that make text of text. Where a text is asked for and there is none, there is no value. */
import { compileJavaRegex, compileReplacement } from './java-regex.ts';
import { type Given, type Mistake, nothing, type Operator, type Read } from './operator.ts';
import { asText } from './values.ts';

export const TEXT_OPERATORS: readonly Operator[] = [
  { names: ['concat'], once: ['source'], again: ['source'], build: readConcat },
  { names: ['replace_with'], once: ['text', 'text', 'source'], build: readReplaced },
  { names: ['split'], once: ['text', 'source'], build: readSplit },
  { names: ['lowercase', 'lower'], once: ['source'], build: (given) => readText(given, (text) => text.toLowerCase()) },
];

/** Half an id would be worse than none: a part without text leaves nothing. */
function readConcat({ sources }: Given): Read {
  return (element, at) => {
    let whole = '';
    for (const read of sources) {
      const text = asText(read(element, at));
      if (text === undefined) return undefined;
      whole += text;
    }
    return whole;
  };
}

function readReplaced(given: Given): Read | Mistake {
  const [pattern = '', replacement = ''] = given.texts;
  const compiled = compileJavaRegex(pattern);
  if ('mistake' in compiled) return compiled;
  const replace = compileReplacement(replacement, compiled);
  if ('mistake' in replace) return replace;
  return readText(given, (text) => text.replaceAll(compiled.regex, replace));
}

/** By the text itself, not by an expression; empty parts stay. */
function readSplit({ texts: [separator = ''], sources: [read = nothing] }: Given): Read | Mistake {
  if (separator === '') return { mistake: 'found "", expected the text to split at' };
  return (element, at) => asText(read(element, at))?.split(separator);
}

function readText({ sources: [read = nothing] }: Given, change: (text: string) => string): Read {
  return (element, at) => {
    const text = asText(read(element, at));
    return text === undefined ? undefined : change(text);
  };
}
