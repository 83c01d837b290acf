import { HoldfastError } from '../definitions/errors.ts';
import type { SqlRow, SqlValue, Transaction } from './database.ts';
import type { SqliteConnection } from './sqlite-connection.ts';
import { mapSqliteError } from './sqlite-errors.ts';

/** A transaction on a connection. Every operation has run when its call returns; only the answer is a promise. */
export class SqliteTransaction implements Transaction {
  readonly #connection: SqliteConnection;
  readonly #database: string;
  #state: 'open' | 'closed' | 'ended' = 'open';

  constructor(connection: SqliteConnection, database: string) {
    this.#connection = connection;
    this.#database = database;
  }

  async run(sql: string, params: readonly SqlValue[] = []): Promise<number> {
    return this.#perform(sql, () => this.#connection.run(sql, params));
  }

  async runMany(sql: string, rows: readonly (readonly SqlValue[])[]): Promise<number> {
    return this.#perform(sql, () => this.#connection.runMany(sql, rows));
  }

  async all<Row extends object = SqlRow>(sql: string, params: readonly SqlValue[] = []): Promise<Row[]> {
    return this.#perform(sql, () => this.#connection.all<Row>(sql, params));
  }

  async runScript(sql: string): Promise<void> {
    this.#perform(sql, () => this.#connection.exec(sql));
  }

  /** From here on every operation throws HF_TX_CLOSED. */
  close(): void {
    if (this.#state === 'open') this.#state = 'closed';
  }

  #perform<T>(sql: string, operation: () => T): T {
    if (this.#state === 'closed') throw new HoldfastError('HF_TX_CLOSED', {});
    if (this.#state === 'ended') throw endedInside(sql);
    try {
      const result = operation();
      if (!this.#connection.isTransaction) {
        this.#state = 'ended';
        throw endedInside(sql);
      }
      return result;
    } catch (error) {
      // INSERT OR ROLLBACK, RAISE(ROLLBACK) and a full disk leave the transaction: what came next would commit alone.
      if (!this.#connection.isTransaction) this.#state = 'ended';
      throw mapSqliteError(error, this.#database);
    }
  }
}

export function endedInside(sql: string): HoldfastError {
  return new HoldfastError('HF_TX_ENDED_INSIDE', { statement: sql.trim().slice(0, 80) });
}
