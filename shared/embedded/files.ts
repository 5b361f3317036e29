/** The object ports on the file system: dumps are files anywhere, results lie in one directory. */
import { createHash, randomUUID } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { type Dump, FILE_BUCKET } from '../dump.ts';
import { type Dumps, DumpUnreadable, type Results } from '../objects.ts';

/** Read at a time while a file is hashed, bytes. */
const HASHED_BYTES = 1_048_576;

/** The file as a dump. Its ETag is the first 40 hex digits of the SHA-256 of its content: the same bytes, the same dump. */
export async function describeFile(path: string): Promise<Dump> {
  const key = resolve(path);
  const hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(HASHED_BYTES);
  let size = 0;
  try {
    await using file = await open(key);
    for (;;) {
      const { bytesRead } = await file.read(piece, 0, HASHED_BYTES, size);
      if (bytesRead === 0) break;
      hash.update(piece.subarray(0, bytesRead));
      size += bytesRead;
    }
  } catch (cause) {
    throw new Error(`cannot read ${key}: ${reasonOf(cause)}`, { cause });
  }
  return { bucket: FILE_BUCKET, key, etag: hash.digest('hex').slice(0, 40), size };
}

/** A file costs nothing to ask. */
const RANGE_BYTES = 1024 * 1024;

/**
 * Reads the dumps that `describeFile` described. A file has no version to ask for: that it is another one than before
 * is seen by its size, and by its inode and time of change since this reader first saw it.
 */
export function fileDumps(): Dumps {
  const seen = new Map<string, string>();

  function checkSame(dump: Dump, { ino, size, mtimeNs }: BigIntStats): void {
    if (Number(size) !== dump.size) throw unreadable(dump, `it has ${size} bytes now, it had ${dump.size}`);
    const name = `${dump.etag} ${dump.key}`;
    const identity = `${ino} ${mtimeNs}`;
    if ((seen.get(name) ?? identity) !== identity) throw unreadable(dump, 'it was changed while it was being imported');
    seen.set(name, identity);
  }

  return {
    rangeBytes: RANGE_BYTES,
    read: (dump, start, end) =>
      withFile(dump, async (file) => {
        checkSame(dump, await file.stat({ bigint: true }));
        const bytes = Buffer.allocUnsafe(end - start);
        let filled = 0;
        while (filled < bytes.length) {
          const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, start + filled);
          if (bytesRead === 0) throw unreadable(dump, `it ends before byte ${end}`);
          filled += bytesRead;
        }
        return bytes;
      }),
    size: (dump) => withFile(dump, async (file) => (await file.stat()).size),
  };
}

/** The name of a result that is still being written. */
const UNFINISHED = /^\.[0-9a-f-]{36}\.unfinished$/;

/** Results as files below `directory`, a folder for every slash of a key. */
export function fileResults(directory: string): Results {
  const root = resolve(directory);
  const pathOf = (key: string) => join(root, ...checkedSegments(key));
  return {
    async put(key, body) {
      const path = pathOf(key);
      const folder = dirname(path);
      const made = await mkdir(folder, { recursive: true });
      const unfinished = join(folder, `.${randomUUID()}.unfinished`);
      try {
        await writeDurably(unfinished, body);
        await rename(unfinished, path);
      } catch (cause) {
        await rm(unfinished, { force: true });
        throw new Error(`cannot write ${path}: ${reasonOf(cause)}`, { cause });
      }
      await syncFolders(folder, dirname(made ?? path));
    },
    get: (key) => readFile(pathOf(key)).catch(undefinedIfNone),
    async list(prefix) {
      const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(undefinedIfNone);
      return (entries ?? [])
        .filter((entry) => entry.isFile() && !UNFINISHED.test(entry.name))
        .map((entry) =>
          join(entry.parentPath, entry.name)
            .slice(root.length + 1)
            .replaceAll(sep, '/'),
        )
        .filter((key) => key.startsWith(prefix))
        .sort();
    },
    url: pathOf,
  };
}

async function withFile<Result>(dump: Omit<Dump, 'size'>, use: (file: FileHandle) => Promise<Result>): Promise<Result> {
  try {
    await using file = await open(dump.key);
    return await use(file);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes(codeOf(error))) throw unreadable(dump, reasonOf(error), error);
    throw error;
  }
}

function unreadable({ key }: Pick<Dump, 'key'>, why: string, cause?: unknown): DumpUnreadable {
  return new DumpUnreadable(`cannot read ${key}: ${why}`, { cause });
}

/** A key names a file below the directory, whatever is in it: no absolute path, no way up, no second name for a file. */
function checkedSegments(key: string): readonly string[] {
  const segments = key.split('/');
  const isName = (segment: string) => !/^\.{0,2}$|[\\\0]/.test(segment) && !UNFINISHED.test(segment);
  if (segments.every(isName)) return segments;
  throw new Error(`${JSON.stringify(key)} is no key of a result: expected names with single slashes between them`);
}

async function writeDurably(path: string, body: Buffer): Promise<void> {
  await using file = await open(path, 'wx');
  await file.writeFile(body);
  await file.sync();
}

/** From `folder` up to `last`, so that the new names in them survive a power cut too. Windows cannot open folders. */
async function syncFolders(folder: string, last: string): Promise<void> {
  if (process.platform === 'win32') return;
  await using handle = await open(folder);
  await handle.sync();
  if (folder !== last) await syncFolders(dirname(folder), last);
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'it is a directory',
  EACCES: 'permission denied',
  ENOSPC: 'the disk is full',
};

function reasonOf(error: unknown): string {
  return REASONS[codeOf(error)] ?? String(error);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function undefinedIfNone(error: unknown): undefined {
  if (codeOf(error) !== 'ENOENT') throw error;
}
