import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { tryLock } from '../database/file-lock.ts';

/** This process's mark that it uses the server: a locked file, free as soon as the process is gone, however it went. */
export interface ServerUser {
  /** Ends the use. */
  leave(): void;
}

/** Call it under the server's lock, so that nobody ends the server in between. */
export function joinUsers(directory: string): ServerUser {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, `${process.pid}-${randomUUID()}.lock`);
  const lock = tryLock(file);
  if (lock === null) throw new Error(`${file} is new, and locked already`);
  return { leave: () => lock.release({ remove: true }) };
}

/** The process ids of the users that live; the marks of dead ones are swept away. Call it under the server's lock. */
export function findUsers(directory: string): number[] {
  return listMarks(directory).flatMap((name) => {
    const lock = tryLock(join(directory, name));
    if (lock === null) return [Number(name.split('-', 1)[0])];
    lock.release({ remove: true });
    return [];
  });
}

function listMarks(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => name.endsWith('.lock'));
  } catch {
    return [];
  }
}
