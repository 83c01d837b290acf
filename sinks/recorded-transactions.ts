import { AsyncLocalStorage } from 'node:async_hooks';
import type { Database, Transaction } from '../database/database.ts';
import { loadMigrations, migrate } from '../database/migrate.ts';
import { openDatabase } from '../database/open-database.ts';
import { HoldfastError, isHoldfastError } from '../definitions/errors.ts';
import { DEFAULTS } from '../definitions/limits.ts';
import type { Tx } from '../definitions/tx.ts';
import { decodeValue, encodeValue } from '../definitions/values.ts';
import { runUserCallback } from './user-transaction.ts';

/** Whose callbacks the running code is within. */
const within = new AsyncLocalStorage<readonly Database[]>();

type Callback<T> = (tx: Tx) => T | PromiseLike<T>;

/** Which transaction, over all attempts of its call. */
export interface EffectPlace {
  readonly scope: string;
  readonly number: number;
}

const PURGE_EVERY_MS = 3_600_000;

/** Runs transactions of users' functions, each with a record of itself in the same commit: no place is run a second time. */
export class RecordedTransactions {
  readonly #directory: string;
  readonly #now: () => number;
  readonly #open = new Map<string, Promise<Database>>();
  readonly #purgedAt = new Map<string, number>();

  /** `directory`: relative paths are relative to it. */
  constructor({ directory, now }: { readonly directory: string; readonly now: () => number }) {
    this.#directory = directory;
    this.#now = now;
  }

  /** What the function returned, now or when the place was first run. Errors: as `ctx.transaction`. */
  async run<T>(url: string, { scope, number }: EffectPlace, fn: Callback<T>): Promise<T> {
    try {
      const database = await this.#database(url);
      const around = within.getStore() ?? [];
      if (around.includes(database)) throw new HoldfastError('HF_TX_NESTED', { database: database.url });
      const text = await database.write(async (tx) => {
        const rows = await tx.all<{ value: string }>(
          'SELECT value FROM hf_task_effect WHERE scope = ? AND number = ?',
          [scope, number],
        );
        if (rows[0]) return rows[0].value;
        const value = encodeValue(
          await within.run([...around, database], () => runUserCallback(tx, DEFAULTS.transactionTimeoutMs, fn)),
        );
        const now = this.#now();
        await tx.run('INSERT INTO hf_task_effect (scope, number, value, at) VALUES (?, ?, ?, ?)', [
          scope,
          number,
          value,
          now,
        ]);
        await this.#purge(tx, url, now);
        return value;
      });
      return decodeValue(text) as T;
    } catch (error) {
      if (isHoldfastError(error, 'HF_DATABASE_MOVED')) this.#open.delete(url);
      throw ownError(error);
    }
  }

  async close(): Promise<void> {
    const all = [...this.#open.values()];
    this.#open.clear();
    await Promise.allSettled(all.map(async (database) => (await database).close()));
  }

  #database(url: string): Promise<Database> {
    let database = this.#open.get(url);
    if (!database) {
      database = this.#prepare(url);
      this.#open.set(url, database);
      database.catch(() => this.#open.delete(url));
    }
    return database;
  }

  async #prepare(url: string): Promise<Database> {
    const database = await openDatabase(url, { directory: this.#directory });
    try {
      const migrations = await loadMigrations(new URL(`./effect-migrations/${database.dialect}/`, import.meta.url));
      await migrate(database, { component: 'effect', migrations });
      return database;
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  async #purge(tx: Transaction, url: string, now: number): Promise<void> {
    if (now - (this.#purgedAt.get(url) ?? 0) < PURGE_EVERY_MS) return;
    this.#purgedAt.set(url, now);
    await tx.run('DELETE FROM hf_task_effect WHERE at < ?', [now - DEFAULTS.taskRecordsMs]);
  }
}

/** A transaction of a task that is called outside any worker: nothing is recorded, for nothing is tried again. */
export async function runBareTransaction<T>(url: string, fn: Callback<T>): Promise<T> {
  const database = await openDatabase(url, { directory: process.cwd() });
  try {
    const run = (tx: Transaction) => runUserCallback(tx, DEFAULTS.transactionTimeoutMs, fn);
    return decodeValue(encodeValue(await database.write(run))) as T;
  } catch (error) {
    throw ownError(error);
  } finally {
    await database.close();
  }
}

/** What the user's function threw is its own: a retry policy that looks at it, or a RetryAfter, is to see that. */
function ownError(error: unknown): unknown {
  return isHoldfastError(error, 'HF_TX_CALLBACK') ? error.cause : error;
}
