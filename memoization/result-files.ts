import { hash, randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, readFile, rename, rm, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export const TEMPORARY = '.tmp';

const CREATE_TRIES = 10;

/** Where a result is in a folder: in one of 256, named by its content. */
export function resultPath(folder: string, sha256: string): string {
  return join(folder, sha256.slice(0, 2), sha256);
}

/**
 * Writes a result as a file that is whole or not there at all, also after a power cut; resolves to its SHA-256. A file of the
 * same content is used again, and touched, so that nobody takes it for one that nothing will refer to.
 */
export async function writeResult(folder: string, bytes: Uint8Array): Promise<string> {
  const sha256 = hash('sha256', bytes, 'hex');
  const path = resultPath(folder, sha256);
  if (await reuse(path, sha256)) return sha256;
  const aside = `${path}.${randomBytes(6).toString('hex')}${TEMPORARY}`;
  try {
    const file = await create(aside);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(aside, path);
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
  return sha256;
}

/** Creates a file and its directory, which a collection may remove between the two: it was empty. */
async function create(path: string): Promise<FileHandle> {
  for (let tries = 1; ; tries++) {
    try {
      await mkdir(dirname(path), { recursive: true });
      return await open(path, 'wx');
    } catch (error) {
      if ((error as { readonly code?: unknown }).code !== 'ENOENT' || tries === CREATE_TRIES) throw error;
    }
  }
}

async function reuse(path: string, sha256: string): Promise<boolean> {
  if ((await readResult(path, sha256)) === null) return false;
  const now = new Date();
  // It may have been collected since it was read: then it is written anew.
  return utimes(path, now, now).then(
    () => true,
    () => false,
  );
}

/** The bytes of a result; null where the file is missing or damaged. */
export async function readResult(path: string, sha256: string): Promise<Uint8Array | null> {
  const bytes = await readFile(path).catch(() => null);
  return bytes !== null && hash('sha256', bytes, 'hex') === sha256 ? bytes : null;
}

/** Makes a rename outlive a power cut, where the system can. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
