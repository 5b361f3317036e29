/** The results bucket in memory. */
import type { Results } from '../shared/objects.ts';

export function memoryResults(): Results {
  const objects = new Map<string, Buffer>();
  return {
    put: async (key, body) => void objects.set(key, body),
    get: async (key) => objects.get(key),
    list: async (prefix) => [...objects.keys()].filter((key) => key.startsWith(prefix)).toSorted(),
    url: (key) => `memory:${key}`,
  };
}
