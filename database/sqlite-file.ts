import { accessSync, constants, realpathSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { HoldfastError } from '../definitions/errors.ts';
import { AsyncMutex } from './async-mutex.ts';
import type { Transaction, WriteOptions } from './database.ts';
import { retryWhileBusy, SqliteConnection } from './sqlite-connection.ts';
import { mapSqliteError } from './sqlite-errors.ts';
import { endedInside, SqliteTransaction } from './sqlite-transaction.ts';

export interface SqliteFileOptions {
  readonly path: string;
  readonly create: boolean;
  readonly readOnly: boolean;
  readonly lockWaitMs: number;
}

/** Upper bounds; pages come in as they are used. Keys of a million rows stay in the writer's. */
const WRITER_CACHE_KB = 16 * 1024;
const READER_CACHE_KB = 8 * 1024;
/**
 * 32 MB of WAL between checkpoints, so that a page that many commits touch is copied back and synced less often. Random keys
 * in commits of 500: 38,000 rows a second with SQLite's own 1,000 pages, 59,000 with 4,000, 66,000 with 16,000.
 */
const CHECKPOINT_PAGES = 8_000;

/**
 * One SQLite file, opened once a process however many use it: a connection that writes, behind a mutex, and in WAL mode
 * another that reads, so that a status does not wait for a writer whose callback awaits.
 *
 * Nothing in this process may open the file in another way (`readFile`, `copyFile`): closing that descriptor drops the
 * POSIX locks of every connection here.
 */
export class SqliteFile {
  readonly path: string;
  readonly #options: SqliteFileOptions;
  readonly #identity: string;
  readonly #writer: SqliteConnection;
  readonly #reader: SqliteConnection | null;
  readonly #writing = new AsyncMutex();
  readonly #reading: AsyncMutex;
  #durable = true;

  private constructor(options: SqliteFileOptions, writer: SqliteConnection, reader: SqliteConnection | null) {
    this.path = options.path;
    this.#options = options;
    this.#identity = fileIdentity(options.path);
    this.#writer = writer;
    this.#reader = reader;
    this.#reading = reader === null ? this.#writing : new AsyncMutex();
  }

  static async open(options: SqliteFileOptions): Promise<SqliteFile> {
    const isNew = checkAccess(options);
    let writer: SqliteConnection | null = null;
    let reader: SqliteConnection | null = null;
    try {
      const { path, readOnly, lockWaitMs } = options;
      const writing = new SqliteConnection(path, { readOnly });
      writer = writing;
      const isWal = await retryWhileBusy(() => setUp(writing, isNew, readOnly), { path, waitMs: lockWaitMs });
      if (isWal) {
        const reading = new SqliteConnection(path, { readOnly });
        reader = reading;
        const pragmas = `PRAGMA query_only = ON; PRAGMA cache_size = -${READER_CACHE_KB}`;
        await retryWhileBusy(() => reading.exec(pragmas), { path, waitMs: lockWaitMs });
      }
      return new SqliteFile(options, writer, reader);
    } catch (error) {
      reader?.close();
      writer?.close();
      throw mapSqliteError(error, options.path);
    }
  }

  async write<T>(work: (tx: Transaction) => Promise<T>, { durable = true }: WriteOptions = {}): Promise<T> {
    if (this.#options.readOnly) throw new HoldfastError('HF_DATABASE_READONLY', { database: this.path });
    return this.#writing.run(() => {
      this.#setDurable(durable);
      return this.#transact(this.#writer, 'BEGIN IMMEDIATE', work);
    });
  }

  /** Only a WAL can do without syncs and stay whole; its next durable commit syncs what came before, too. */
  #setDurable(durable: boolean): void {
    if (this.#reader === null || durable === this.#durable) return;
    this.#writer.exec(`PRAGMA synchronous = ${durable ? 'FULL' : 'NORMAL'}`);
    this.#durable = durable;
  }

  async read<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    const reader = this.#reader;
    if (reader !== null) return this.#reading.run(() => this.#transact(reader, 'BEGIN', work));
    return this.#reading.run(async () => {
      this.#writer.exec('PRAGMA query_only = ON');
      try {
        return await this.#transact(this.#writer, 'BEGIN', work);
      } finally {
        this.#writer.exec('PRAGMA query_only = OFF');
      }
    });
  }

  /** Throws HF_DATABASE_MOVED where the path holds another file than the one that is open, which goes on saying ok. */
  checkFile(): void {
    if (this.isSame()) return;
    throw new HoldfastError('HF_DATABASE_MOVED', { database: this.path });
  }

  isSame(): boolean {
    return fileIdentity(this.path) === this.#identity;
  }

  /** Waits for transactions that are under way. */
  async close(): Promise<void> {
    await this.#writing.run(async () => this.#writer.close());
    await this.#reading.run(async () => this.#reader?.close());
  }

  async #transact<T>(connection: SqliteConnection, begin: string, work: (tx: Transaction) => Promise<T>): Promise<T> {
    this.checkFile();
    const { path, lockWaitMs } = this.#options;
    let tx: SqliteTransaction | null = null;
    try {
      await retryWhileBusy(() => beginNow(connection, begin), { path, waitMs: lockWaitMs });
      tx = new SqliteTransaction(connection, this.path);
      const result = await work(tx);
      tx.close();
      if (!connection.isTransaction) throw endedInside('A statement');
      // In rollback mode COMMIT is refused while another program reads; the transaction stays open meanwhile.
      await retryWhileBusy(() => connection.exec('COMMIT'), { path, waitMs: lockWaitMs });
      return result;
    } catch (error) {
      tx?.close();
      rollBack(connection);
      throw mapSqliteError(error, this.path);
    }
  }
}

function beginNow(connection: SqliteConnection, begin: string): void {
  connection.exec(begin);
  if (begin !== 'BEGIN') return;
  try {
    // A deferred transaction takes its snapshot with the first read: take it now, where it can be retried.
    connection.all('SELECT 1 FROM sqlite_schema LIMIT 1', []);
  } catch (error) {
    rollBack(connection);
    throw error;
  }
}

function rollBack(connection: SqliteConnection): void {
  try {
    if (connection.isTransaction) connection.exec('ROLLBACK');
  } catch {
    // What failed before says more; SQLite rolls back by itself at the latest when the connection closes.
  }
}

/** Sets what holds for a connection; returns whether the file is in WAL mode, in which only new files are put. */
function setUp(connection: SqliteConnection, isNew: boolean, readOnly: boolean): boolean {
  const pragma = isNew && !readOnly ? 'PRAGMA journal_mode = WAL' : 'PRAGMA journal_mode';
  const [row] = connection.all<{ journal_mode: string }>(pragma, []);
  const isWal = row?.journal_mode === 'wal';
  // With a rollback journal FULL leaves the journal's unlinking unsynced: a power cut could bring a commit back out.
  connection.exec(isWal ? 'PRAGMA synchronous = FULL' : 'PRAGMA synchronous = EXTRA');
  connection.exec(`PRAGMA cache_size = -${WRITER_CACHE_KB}; PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  // Says now whether this is a database.
  connection.all('SELECT count(*) FROM sqlite_schema', []);
  return isWal;
}

/** Refuses what can be told without opening; returns whether the file is new (absent or empty). */
function checkAccess({ path, create, readOnly }: SqliteFileOptions): boolean {
  const file = look(path);
  if (file === undefined) {
    const directory = dirname(path);
    if (look(directory)?.isDirectory() !== true) throw unreadable(path, `there is no directory ${directory}`);
    if (!create || readOnly) throw unreadable(path, 'there is no such file');
    if (!isAllowed(directory, constants.W_OK)) throw new HoldfastError('HF_DATABASE_READONLY', { database: path });
    return true;
  }
  if (file.isDirectory()) throw unreadable(path, 'it is a directory');
  if (!isAllowed(path, constants.R_OK)) throw unreadable(path, 'permission denied');
  // The journal or the WAL is written beside the file.
  if (!readOnly && !(isAllowed(path, constants.W_OK) && isAllowed(dirname(path), constants.W_OK))) {
    throw new HoldfastError('HF_DATABASE_READONLY', { database: path });
  }
  return file.size === 0;
}

function look(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw unreadable(path, (error as Error).message);
  }
}

function unreadable(database: string, reason: string): HoldfastError {
  return new HoldfastError('HF_DATABASE_UNREADABLE', { database, reason });
}

function isAllowed(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

/** Device and inode; where the system gives none, only whether there is a file. */
function fileIdentity(path: string): string {
  const file = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (file === undefined) return 'absent';
  return process.platform === 'win32' ? 'present' : `${file.dev}:${file.ino}`;
}

/** The file's path with symbolic links resolved, also where the file itself is still to be made. */
export function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    try {
      return join(realpathSync(dirname(path)), basename(path));
    } catch {
      return path;
    }
  }
}
