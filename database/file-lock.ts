import { rmSync, statSync } from 'node:fs';
import type { SqlRow, SqlValue } from './database.ts';
import { SqliteConnection } from './sqlite-connection.ts';
import { isBusy, mapSqliteError } from './sqlite-errors.ts';

/**
 * A lock that this process holds until it releases it or dies: kill -9 frees it, SIGSTOP does not. It stands in a small
 * SQLite file, whose rows its holder may use meanwhile, and the next holder finds.
 */
export interface FileLock {
  readonly path: string;
  run(sql: string, params?: readonly SqlValue[]): number;
  all<Row extends object = SqlRow>(sql: string, params?: readonly SqlValue[]): Row[];
  /** Lets it go; `remove` deletes the file as well. A second call does nothing. */
  release(options?: { readonly remove?: boolean }): void;
}

/** The file was removed by its last holder between opening and locking, so that the lock held is nobody else's. */
const REMOVED_MEANWHILE = Symbol('removed meanwhile');

/**
 * Takes the lock of a file, making the file where there is none; null at once (10 ms) where another holds it, in this
 * process or any other. Locks of the operating system through SQLite, because pids and start times lie across pid
 * namespaces and for stopped processes.
 *
 * Throws HF_DATABASE_UNREADABLE, HF_DATABASE_READONLY, HF_DATABASE_NOT.
 *
 * @example
 * const lock = tryLock('/srv/app/.holdfast/owners/7f3a.lock');
 * if (lock === null) console.log('its holder is alive');
 */
export function tryLock(path: string): FileLock | null {
  for (;;) {
    const lock = attempt(path);
    if (lock !== REMOVED_MEANWHILE) return lock;
  }
}

function attempt(path: string): FileLock | null | typeof REMOVED_MEANWHILE {
  const before = inode(path);
  let connection: SqliteConnection | null = null;
  try {
    connection = new SqliteConnection(path, { readOnly: false });
    // In this mode a lock once taken is kept across commits. Nothing here needs to outlive a power cut, a kill it does:
    // hence a real journal, and no syncs.
    connection.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = OFF');
    connection.exec('BEGIN EXCLUSIVE; COMMIT');
    if (before !== null && before === inode(path)) return new HeldLock(path, connection);
    connection.close();
    return REMOVED_MEANWHILE;
  } catch (error) {
    connection?.close();
    if (isBusy(error)) return null;
    throw mapSqliteError(error, path);
  }
}

function inode(path: string): bigint | null {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino ?? null;
}

class HeldLock implements FileLock {
  readonly path: string;
  #connection: SqliteConnection | null;

  constructor(path: string, connection: SqliteConnection) {
    this.path = path;
    this.#connection = connection;
  }

  run(sql: string, params: readonly SqlValue[] = []): number {
    return this.#held().run(sql, params);
  }

  all<Row extends object = SqlRow>(sql: string, params: readonly SqlValue[] = []): Row[] {
    return this.#held().all<Row>(sql, params);
  }

  release(options: { readonly remove?: boolean } = {}): void {
    const connection = this.#connection;
    this.#connection = null;
    if (connection === null) return;
    // Removed while it is still locked: whoever opened it meanwhile sees that the path has another file, or none.
    // Windows removes no open file, so there the holder's file is left for the next one.
    if (options.remove === true && process.platform !== 'win32') rmSync(this.path, { force: true });
    connection.close();
  }

  #held(): SqliteConnection {
    if (this.#connection === null) throw new Error(`The lock ${this.path} was released`);
    return this.#connection;
  }
}
