import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { tryLock } from '../database/file-lock.ts';

/** Where each worker process of this machine keeps a file locked for as long as it lives. */
export function ownersDirectory(home: string): string {
  return join(home, 'owners');
}

/**
 * Whether a worker process lives, as far as this machine can tell: a lease outlives kill -9 by seconds, the lock of its file
 * does not. Null where there is no file of it here: another machine's, or another home's.
 */
export function isOwnerAlive(home: string, owner: string): boolean | null {
  const path = join(ownersDirectory(home), `${owner}.lock`);
  if (!existsSync(path)) return null;
  try {
    const lock = tryLock(path);
    // The file stays: whoever gives its attempts back needs it.
    lock?.release();
    return lock === null;
  } catch {
    return null;
  }
}
