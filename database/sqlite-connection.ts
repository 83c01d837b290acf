import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SqlRow, SqlValue } from './database.ts';
import { noteLongLock } from './long-locks.ts';
import { isBusy } from './sqlite-errors.ts';

/** SQLite waits this long for a lock inside the call, which blocks the event loop; the rest is waited for asynchronously. */
const BUSY_TIMEOUT_MS = 10;
const BUSY_SLEEP_MAX_MS = 50;
/** After so long it is said that another program holds the file. */
const LONG_LOCK_MS = 2_000;
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
    let changes = 0;
    let done = 0;
    const perStatement = rowsPerStatement(sql, rows[0]?.length ?? 0);
    if (rows.length >= perStatement && perStatement > 1) {
      const { statement } = this.#prepare(severalRows(sql, perStatement));
      for (; done + perStatement <= rows.length; done += perStatement) {
        const params: SqlValue[] = [];
        for (let row = done; row < done + perStatement; row++) {
          for (const value of rows[row] as readonly SqlValue[]) params.push(value);
        }
        changes += Number(statement.run(...params).changes);
      }
    }
    if (done === rows.length) return changes;
    const { statement } = this.#prepare(sql);
    for (; done < rows.length; done++) changes += Number(statement.run(...(rows[done] as readonly SqlValue[])).changes);
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

const ROWS_A_STATEMENT = 50;
const PARAMS_A_STATEMENT = 1_000;
/** The one list of values of a plain INSERT: nothing but parameters. */
const ONE_ROW = /^(\s*INSERT\s(?:(?!VALUES)[\s\S])*?VALUES\s*)(\((?:\?,\s*)*\?\))((?:(?!\?|RETURNING)[\s\S])*)$/i;

/**
 * How many rows go into one INSERT: crossing into SQLite costs as much as the insert, 1.2 µs a row of three columns one by
 * one and 0.65 µs at fifty. 1 where the statement is anything else.
 */
function rowsPerStatement(sql: string, width: number): number {
  if (width === 0 || !ONE_ROW.test(sql)) return 1;
  return Math.max(1, Math.min(ROWS_A_STATEMENT, Math.floor(PARAMS_A_STATEMENT / width)));
}

function severalRows(sql: string, rows: number): string {
  return sql.replace(
    ONE_ROW,
    (_, head: string, row: string, tail: string) => `${head}${Array(rows).fill(row).join(', ')}${tail}`,
  );
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
export async function retryWhileBusy<T>(
  attempt: () => T,
  { path, waitMs }: { readonly path: string; readonly waitMs: number },
): Promise<T> {
  const started = performance.now();
  let noted = false;
  for (let tries = 0; ; tries += 1) {
    try {
      return attempt();
    } catch (error) {
      if (!isBusy(error) || performance.now() >= started + waitMs) throw error;
    }
    if (!noted && performance.now() >= started + LONG_LOCK_MS) {
      noted = true;
      noteLongLock(path);
    }
    await sleep(1 + Math.random() * Math.min(BUSY_SLEEP_MAX_MS, 2 ** tries));
  }
}
