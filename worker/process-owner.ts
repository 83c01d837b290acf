import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type FileLock, tryLock } from '../database/file-lock.ts';
import { ownersDirectory } from '../ledger/owner-files.ts';

/** How long the token of an ended attempt is kept: its report may not have reached the server yet. */
const REPORT_MS = 10_000;

/** `server`: which namespace of which server gave it out. */
export const OWNER_SCHEMA = `CREATE TABLE IF NOT EXISTS given_attempt (
  token TEXT PRIMARY KEY, server TEXT NOT NULL, ended_at INTEGER
)`;

/**
 * This process in the eyes of others on the machine: a file that it keeps locked while it lives, with the task tokens of its
 * activities. Whoever gets the lock knows that it is dead, and what to give back.
 */
export class ProcessOwner {
  readonly id: string;
  readonly #lock: FileLock;
  readonly #server: string;
  #sweptAt = 0;

  private constructor(id: string, lock: FileLock, server: string) {
    this.id = id;
    this.#lock = lock;
    this.#server = server;
  }

  /** `server` is what `serverFactsOf` says of its id. */
  static create(
    home: string,
    { server, id = randomUUID() }: { readonly server: string; readonly id?: string },
  ): ProcessOwner {
    const directory = ownersDirectory(home);
    mkdirSync(directory, { recursive: true });
    const lock = tryLock(join(directory, `${id}.lock`));
    if (!lock) throw new Error('the lock file of a new process is held by another');
    lock.run(OWNER_SCHEMA);
    return new ProcessOwner(id, lock, server);
  }

  /** An activity began here. */
  began(token: Uint8Array): void {
    this.#lock.run('INSERT OR REPLACE INTO given_attempt (token, server, ended_at) VALUES (?, ?, NULL)', [
      Buffer.from(token).toString('base64'),
      this.#server,
    ]);
  }

  /** It has ended here, but the server may not know yet. */
  ended(token: Uint8Array, now: number): void {
    this.#lock.run('UPDATE given_attempt SET ended_at = ? WHERE token = ?', [
      now,
      Buffer.from(token).toString('base64'),
    ]);
    if (now - this.#sweptAt < REPORT_MS) return;
    this.#sweptAt = now;
    this.#lock.run('DELETE FROM given_attempt WHERE ended_at < ?', [now - REPORT_MS]);
  }

  /** The process leaves in order: nothing of it is orphaned. */
  release(): void {
    this.#lock.release({ remove: true });
  }
}
