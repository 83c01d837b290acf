import { randomBytes } from 'node:crypto';
import { readdir, realpath, rename, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Database } from '../database/database.ts';
import { DEFAULTS } from '../definitions/limits.ts';
import { hexOf } from './key-bytes.ts';
import { selectMany } from './many.ts';
import { TEMPORARY } from './result-files.ts';

export interface Freed {
  readonly files: number;
  readonly bytes: number;
}

/** A folder with the numbers of all names that it has in the store. */
interface Folder {
  readonly path: string;
  readonly numbers: ReadonlySet<number>;
}

const SHELF = /^[0-9a-f]{2}$/;
const RESULT = /^[0-9a-f]{64}$/;

/** Removes the result files that no entry refers to and nobody has written or touched lately, and what writers left aside. */
export async function collectFiles(database: Database): Promise<Freed> {
  const folders = await foldersOf(database);
  let files = 0;
  let bytes = 0;
  for (const folder of folders) {
    for (const shelf of await list(folder.path)) {
      if (!SHELF.test(shelf)) continue;
      const freed = await collectShelf(database, folder, shelf);
      files += freed.files;
      bytes += freed.bytes;
    }
  }
  return { files, bytes };
}

/** A folder may be known by several paths, over links: a file is in use whichever of them its entry names. */
async function foldersOf(database: Database): Promise<readonly Folder[]> {
  const sql = 'SELECT folder_no, path FROM hf_memo_folder';
  const rows = await database.read((tx) => tx.all<{ folder_no: number; path: string }>(sql));
  const numbers = new Map<string, Set<number>>();
  for (const { folder_no, path } of rows) {
    const real = await realpath(path).catch(() => null);
    if (real !== null) numbers.set(real, (numbers.get(real) ?? new Set()).add(folder_no));
  }
  return [...numbers].map(([path, numbers]) => ({ path, numbers }));
}

async function collectShelf(database: Database, folder: Folder, shelf: string): Promise<Freed> {
  const directory = join(folder.path, shelf);
  let files = 0;
  let bytes = 0;
  const old: string[] = [];
  let removed = 0;
  for (const name of await list(directory)) {
    if (!isOwn(name, shelf) || !(await isOld(join(directory, name)))) continue;
    if (RESULT.test(name)) old.push(name);
    else {
      await rm(join(directory, name), { force: true });
      removed += 1;
    }
  }
  const used = await referred(database, folder, old);
  for (const name of old) {
    if (used.has(name)) continue;
    const size = await removeUnused(database, folder, { directory, name });
    if (size === null) continue;
    files += 1;
    bytes += size;
  }
  // Fails where it is not empty, or gone. A writer that is about to fill it makes it again.
  if (removed + files > 0) await rmdir(directory).catch(() => undefined);
  return { files, bytes };
}

/** A result of this shelf, or one on its way there. Anything else in a folder of the user's is not ours. */
function isOwn(name: string, shelf: string): boolean {
  const [content = ''] = name.split('.');
  return RESULT.test(content) && content.startsWith(shelf) && (name === content || name.endsWith(TEMPORARY));
}

/**
 * Removes a file, unless somebody came to use it meanwhile; resolves to its size. It is put aside first: whoever touches it to use
 * it again either did so before, which shows then, or finds no file and writes one.
 */
async function removeUnused(
  database: Database,
  folder: Folder,
  { directory, name }: { readonly directory: string; readonly name: string },
): Promise<number | null> {
  const path = join(directory, name);
  const aside = `${path}.${randomBytes(6).toString('hex')}${TEMPORARY}`;
  try {
    const { size } = await stat(path);
    await rename(path, aside);
    if ((await isOld(aside)) && !(await referred(database, folder, [name])).has(name)) {
      await rm(aside, { force: true });
      return size;
    }
    await rename(aside, path);
    return null;
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === 'ENOENT') return null;
    throw error;
  }
}

async function referred(database: Database, folder: Folder, names: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await database.read((tx) =>
    selectMany<{ file: Uint8Array; folder_no: number }>(tx, {
      sql: 'SELECT file, folder_no FROM hf_memo WHERE file IS NOT NULL AND file IN (?)',
      list: names.map((name) => Buffer.from(name, 'hex')),
    }),
  );
  return new Set(rows.filter((row) => folder.numbers.has(row.folder_no)).map((row) => hexOf(row.file)));
}

/** By the file system's clock, which stamps the files. */
async function isOld(path: string): Promise<boolean> {
  const file = await stat(path).catch(() => null);
  return file?.isFile() === true && file.mtimeMs < Date.now() - DEFAULTS.memoFileGraceMs;
}

async function list(directory: string): Promise<readonly string[]> {
  return readdir(directory).catch(() => []);
}
