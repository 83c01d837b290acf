import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type FileLock, tryLock } from '../database/file-lock.ts';
import { ownersDirectory } from '../ledger/owner-files.ts';

/** How long the token of an ended attempt is kept: its report may not have reached the server yet. */
const REPORT_MS = 10_000;

export interface AttemptRow {
  readonly token: Uint8Array;
  readonly address: string;
  readonly namespace: string;
}

export const OWNER_SCHEMA = `CREATE TABLE IF NOT EXISTS attempt (
  token TEXT PRIMARY KEY, address TEXT NOT NULL, namespace TEXT NOT NULL, ended_at INTEGER
)`;

/**
 * This process in the eyes of others on the machine: a file that it keeps locked while it lives, with the task tokens of its
 * activities. Whoever gets the lock knows that it is dead, and what to give back.
 */
export class ProcessOwner {
  readonly id: string;
  readonly #lock: FileLock;
  readonly #server: { readonly address: string; readonly namespace: string };
  #sweptAt = 0;

  private constructor(id: string, lock: FileLock, server: { readonly address: string; readonly namespace: string }) {
    this.id = id;
    this.#lock = lock;
    this.#server = server;
  }

  static create(home: string, server: { readonly address: string; readonly namespace: string }): ProcessOwner {
    const id = randomUUID();
    const directory = ownersDirectory(home);
    mkdirSync(directory, { recursive: true });
    const lock = tryLock(join(directory, `${id}.lock`));
    if (!lock) throw new Error('the lock file of a new process is held by another');
    lock.run(OWNER_SCHEMA);
    return new ProcessOwner(id, lock, server);
  }

  /** An activity began here. */
  began(token: Uint8Array): void {
    const { address, namespace } = this.#server;
    this.#lock.run('INSERT OR REPLACE INTO attempt (token, address, namespace, ended_at) VALUES (?, ?, ?, NULL)', [
      Buffer.from(token).toString('base64'),
      address,
      namespace,
    ]);
  }

  /** It has ended here, but the server may not know yet. */
  ended(token: Uint8Array, now: number): void {
    this.#lock.run('UPDATE attempt SET ended_at = ? WHERE token = ?', [now, Buffer.from(token).toString('base64')]);
    if (now - this.#sweptAt < REPORT_MS) return;
    this.#sweptAt = now;
    this.#lock.run('DELETE FROM attempt WHERE ended_at < ?', [now - REPORT_MS]);
  }

  /** The process leaves in order: nothing of it is orphaned. */
  release(): void {
    this.#lock.release({ remove: true });
  }
}
