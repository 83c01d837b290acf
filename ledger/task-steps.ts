import type { Database } from '../database/database.ts';
import { DEFAULTS } from '../definitions/limits.ts';

const PURGE_EVERY_MS = 3_600_000;

/** Recorded steps of tasks in users' workflows, by the task's call: encoded values. */
export class TaskSteps {
  readonly #database: Database;
  #purgedAt = 0;

  /** `database`: the store's. */
  constructor(database: Database) {
    this.#database = database;
  }

  async find(scope: string, name: string): Promise<string | null> {
    const rows = await this.#database.read((tx) =>
      tx.all<{ value: string }>('SELECT value FROM hf_task_once WHERE scope = ? AND name = ?', [scope, name]),
    );
    return rows[0]?.value ?? null;
  }

  /** Durable when it resolves. The first record of a step stays. */
  async record(
    scope: string,
    name: string,
    { value, now }: { readonly value: string; readonly now: number },
  ): Promise<void> {
    await this.#database.write(async (tx) => {
      await tx.run('INSERT INTO hf_task_once (scope, name, value, at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING', [
        scope,
        name,
        value,
        now,
      ]);
      if (now - this.#purgedAt < PURGE_EVERY_MS) return;
      this.#purgedAt = now;
      await tx.run('DELETE FROM hf_task_once WHERE at < ?', [now - DEFAULTS.taskRecordsMs]);
    });
  }

  /** The call has ended: nobody asks any more. */
  async forget(scope: string): Promise<void> {
    await this.#database.write((tx) => tx.run('DELETE FROM hf_task_once WHERE scope = ?', [scope]));
  }
}
