import { setTimeout as sleep } from 'node:timers/promises';
import { type FileLock, tryLock } from '../database/file-lock.ts';
import { HoldfastError } from '../definitions/errors.ts';

const POLL_MS = 30;

/**
 * Runs work under an exclusive lock on the file, which is freed however the process ends.
 *
 * @throws HF_SERVER_BUSY when the lock was not free within `timeoutMs`.
 */
export async function withFileLock<T>(file: string, timeoutMs: number, work: () => Promise<T>): Promise<T> {
  const lock = await waitForLock(file, timeoutMs);
  try {
    return await work();
  } finally {
    lock.release();
  }
}

async function waitForLock(file: string, timeoutMs: number): Promise<FileLock> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const lock = tryLock(file);
    if (lock !== null) return lock;
    if (Date.now() >= deadline) throw new HoldfastError('HF_SERVER_BUSY', { timeoutMs, lock: file });
    await sleep(POLL_MS * (1 + Math.random()));
  }
}
