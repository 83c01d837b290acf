import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type FileLock, tryLock } from '../database/file-lock.ts';

/** This process's mark that it uses the server: a locked file, free as soon as the process is gone, however it went. */
export interface ServerUser {
  readonly file: string;
  /** Ends the use. Call it under the server's lock. */
  leave(): void;
}

/** Call it under the server's lock, so that nobody ends the server in between. */
export function joinUsers(directory: string): ServerUser {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, `${process.pid}-${randomUUID()}.lock`);
  const lock = tryLock(file);
  if (lock === null) throw new Error(`${file} is new and locked already`);
  return {
    file,
    leave() {
      lock.release();
      removeLockFile(file);
    },
  };
}

/** The process ids of the users that live; the marks of dead ones are swept away. Call it under the server's lock. */
export function findUsers(directory: string): number[] {
  const pids: number[] = [];
  for (const name of listMarks(directory)) {
    const lock = tryQuietly(join(directory, name));
    if (lock === null) {
      pids.push(Number(name.split('-', 1)[0]));
      continue;
    }
    lock.release();
    removeLockFile(join(directory, name));
  }
  return pids;
}

function listMarks(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => name.endsWith('.lock'));
  } catch {
    return [];
  }
}

/** A mark that cannot even be opened says nothing about a living user. */
function tryQuietly(file: string): FileLock | null {
  try {
    return tryLock(file);
  } catch {
    return { release: () => undefined } as FileLock;
  }
}

function removeLockFile(file: string): void {
  for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
}
