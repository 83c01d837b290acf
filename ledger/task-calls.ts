import type { Database, Transaction } from '../database/database.ts';
import { DEFAULTS } from '../definitions/limits.ts';

const PURGE_EVERY_MS = 3_600_000;

/** What is recorded of calls of tasks in users' workflows while they are not done, by the call's scope. */
export class TaskCalls {
  readonly #database: Database;
  readonly #now: () => number;
  #purgedAt = 0;

  /** `database`: the store's. */
  constructor(database: Database, now: () => number) {
    this.#database = database;
    this.#now = now;
  }

  /** How often the call has failed, as far as is known here. */
  async failures(scope: string): Promise<number> {
    const [row] = await this.#database.read((tx) =>
      tx.all<{ failures: number }>('SELECT failures FROM hf_task_call WHERE scope = ?', [scope]),
    );
    return row?.failures ?? 0;
  }

  /** Durable when it resolves. */
  async recordFailures(scope: string, failures: number): Promise<void> {
    await this.#write((tx, now) =>
      tx.run(
        `INSERT INTO hf_task_call (scope, failures, at) VALUES (?, ?, ?)
         ON CONFLICT (scope) DO UPDATE SET failures = max(failures, excluded.failures), at = excluded.at`,
        [scope, failures, now],
      ),
    );
  }

  /** What a step gave, as an encoded value; null where it has not been recorded. */
  async step(scope: string, name: string): Promise<string | null> {
    const [row] = await this.#database.read((tx) =>
      tx.all<{ value: string }>('SELECT value FROM hf_task_once WHERE scope = ? AND name = ?', [scope, name]),
    );
    return row?.value ?? null;
  }

  /** Durable when it resolves. The first record of a step stays: resolves to it. */
  async recordStep(scope: string, name: string, value: string): Promise<string> {
    return this.#write(async (tx, now) => {
      const sql = 'INSERT INTO hf_task_once (scope, name, value, at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING';
      if ((await tx.run(sql, [scope, name, value, now])) > 0) return value;
      const [row] = await tx.all<{ value: string }>('SELECT value FROM hf_task_once WHERE scope = ? AND name = ?', [
        scope,
        name,
      ]);
      return row?.value ?? value;
    });
  }

  /** The call has ended: nobody asks any more. */
  async forget(scope: string): Promise<void> {
    await this.#database.write(async (tx) => {
      await tx.run('DELETE FROM hf_task_once WHERE scope = ?', [scope]);
      await tx.run('DELETE FROM hf_task_call WHERE scope = ?', [scope]);
    });
  }

  async #write<T>(work: (tx: Transaction, now: number) => Promise<T>): Promise<T> {
    const now = this.#now();
    const purge = now - this.#purgedAt >= PURGE_EVERY_MS;
    const written = await this.#database.write(async (tx) => {
      const done = await work(tx, now);
      if (!purge) return done;
      for (const table of ['hf_task_once', 'hf_task_call']) {
        await tx.run(`DELETE FROM ${table} WHERE at < ?`, [now - DEFAULTS.taskRecordsMs]);
      }
      return done;
    });
    if (purge) this.#purgedAt = now;
    return written;
  }
}
