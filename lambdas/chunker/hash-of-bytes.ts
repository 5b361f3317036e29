/** FNV-1a over bytes, signed, 32 bits: where only equal texts have to be found, and quickly. */
export function hashOfBytes(text: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 | 0;
  for (let at = start; at < end; at += 1) hash = Math.imul(hash ^ (text[at] ?? 0), 0x01000193);
  return hash;
}
