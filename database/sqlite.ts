import { HoldfastError } from '../definitions/errors.ts';
import type { Database, Transaction, WriteOptions } from './database.ts';
import { isSqliteDataError } from './sqlite-errors.ts';
import { realPath, SqliteFile } from './sqlite-file.ts';

export interface OpenSqliteOptions {
  /** Absolute path of the file. */
  readonly path: string;
  /** Whether a missing file is made; its directory must exist. @default true */
  readonly create?: boolean;
  /** @default false */
  readonly readOnly?: boolean;
  /** How long a file that another program has locked is waited for, before HF_DATABASE_LOCKED. @default 15_000 */
  readonly lockWaitMs?: number;
}

interface Shared {
  readonly file: Promise<SqliteFile>;
  users: number;
}

const LOCK_WAIT_MS = 15_000;

/** What is open in this process, by real path and mode: one connection and one mutex a file. */
const shared = new Map<string, Shared>();

/**
 * Opens a SQLite file. A new one is put in WAL mode; one that exists keeps its journal mode. Commits are durable.
 *
 * Throws HF_DATABASE_UNREADABLE, HF_DATABASE_READONLY, HF_DATABASE_NOT, HF_DATABASE_CORRUPT, HF_DATABASE_LOCKED.
 *
 * @example
 * const database = await openSqlite({ path: '/srv/orders.db' });
 */
export async function openSqlite(options: OpenSqliteOptions): Promise<Database> {
  const { create = true, readOnly = false, lockWaitMs = LOCK_WAIT_MS } = options;
  const path = realPath(options.path);
  const key = `${readOnly ? 'read' : 'write'}:${path}`;
  const entry = await enter(key, () => SqliteFile.open({ path, create, readOnly, lockWaitMs }));
  return new SharedSqlite(await entry.file, () => leave(key, entry));
}

async function enter(key: string, open: () => Promise<SqliteFile>): Promise<Shared> {
  const found = shared.get(key);
  if (found !== undefined) {
    found.users += 1;
    const file = await found.file.catch(() => null);
    // A file that took the path of one that is open is another database.
    if (file?.isSame() === true) return found;
    await leave(key, found);
    if (shared.get(key) === found) shared.delete(key);
    return enter(key, open);
  }
  const entry: Shared = { file: open(), users: 1 };
  shared.set(key, entry);
  entry.file.catch(() => {
    if (shared.get(key) === entry) shared.delete(key);
  });
  return entry;
}

async function leave(key: string, entry: Shared): Promise<void> {
  entry.users -= 1;
  if (entry.users > 0) return;
  if (shared.get(key) === entry) shared.delete(key);
  const file = await entry.file.catch(() => null);
  await file?.close();
}

/** One user's view of a shared file: what it closes stays open for the others. */
class SharedSqlite implements Database {
  readonly dialect = 'sqlite';
  readonly url: string;
  readonly #file: SqliteFile;
  readonly #leave: () => Promise<void>;
  #closed = false;

  constructor(file: SqliteFile, leave: () => Promise<void>) {
    this.url = `sqlite:${file.path}`;
    this.#file = file;
    this.#leave = leave;
  }

  async write<T>(work: (tx: Transaction) => Promise<T>, options?: WriteOptions): Promise<T> {
    this.#checkOpen();
    return this.#file.write(work, options);
  }

  async read<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    this.#checkOpen();
    return this.#file.read(work);
  }

  checkFile(): void {
    this.#file.checkFile();
  }

  isDataError(error: unknown): boolean {
    return isSqliteDataError(error);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#leave();
  }

  #checkOpen(): void {
    if (this.#closed) throw new HoldfastError('HF_DATABASE_CLOSED', { database: this.#file.path });
  }
}
