/** Directories that are gone after the test that asked for them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 's3-to-amplitude-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}
