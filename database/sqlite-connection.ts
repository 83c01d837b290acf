import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SqlRow, SqlValue } from './database.ts';
import { isBusy } from './sqlite-errors.ts';

/** SQLite waits this long for a lock inside the call, which blocks the event loop; the rest is waited for asynchronously. */
const BUSY_TIMEOUT_MS = 10;
const BUSY_SLEEP_MAX_MS = 50;
const STATEMENTS_MAX = 256;

interface Statement {
  readonly statement: StatementSync;
  /** Whether its integers are read as bigint, since one did not fit a number. */
  wide: boolean;
}

/** One connection of `node:sqlite` with its prepared statements. Synchronous, except where it waits for a lock. */
export class SqliteConnection {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, Statement>();

  /** Only opens the file: the first statement, also a PRAGMA, reads it, and may find it locked. */
  constructor(path: string, options: { readonly readOnly: boolean }) {
    this.#database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, readOnly: options.readOnly });
  }

  get isTransaction(): boolean {
    return this.#database.isTransaction;
  }

  exec(sql: string): void {
    this.#database.exec(sql);
  }

  run(sql: string, params: readonly SqlValue[]): number {
    return Number(this.#prepare(sql).statement.run(...params).changes);
  }

  runMany(sql: string, rows: readonly (readonly SqlValue[])[]): number {
    const { statement } = this.#prepare(sql);
    let changes = 0;
    for (const row of rows) changes += statement.run(...row).changes as number;
    return changes;
  }

  /** Integers come as numbers, those beyond 2^53 as bigints. */
  all<Row extends object = SqlRow>(sql: string, params: readonly SqlValue[]): Row[] {
    const prepared = this.#prepare(sql);
    if (!prepared.wide) {
      try {
        return prepared.statement.all(...params) as Row[];
      } catch (error) {
        // A statement that wrote (RETURNING) is prepared wide at once, so this one only read, and may run again.
        if ((error as { code?: unknown }).code !== 'ERR_OUT_OF_RANGE') throw error;
        widen(prepared);
      }
    }
    return (prepared.statement.all(...params) as SqlRow[]).map(narrowIntegers) as Row[];
  }

  close(): void {
    this.#statements.clear();
    if (this.#database.isOpen) this.#database.close();
  }

  #prepare(sql: string): Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const prepared: Statement = { statement: this.#database.prepare(sql), wide: false };
    if (/\breturning\b/i.test(sql)) widen(prepared);
    if (this.#statements.size >= STATEMENTS_MAX) {
      const oldest = this.#statements.keys().next().value;
      if (oldest !== undefined) this.#statements.delete(oldest);
    }
    this.#statements.set(sql, prepared);
    return prepared;
  }
}

function widen(prepared: Statement): void {
  prepared.statement.setReadBigInts(true);
  prepared.wide = true;
}

function narrowIntegers(row: SqlRow): SqlRow {
  for (const name of Object.keys(row)) {
    const value = row[name];
    if (typeof value === 'bigint' && value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER)
      row[name] = Number(value);
  }
  return row;
}

/** Repeats what found the database locked, with growing, jittered pauses that leave the event loop free. */
export async function retryWhileBusy<T>(attempt: () => T, waitMs: number): Promise<T> {
  const deadline = performance.now() + waitMs;
  for (let tries = 0; ; tries += 1) {
    try {
      return attempt();
    } catch (error) {
      if (!isBusy(error) || performance.now() >= deadline) throw error;
    }
    await sleep(1 + Math.random() * Math.min(BUSY_SLEEP_MAX_MS, 2 ** tries));
  }
}
