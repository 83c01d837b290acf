import type { Transaction } from '../database/database.ts';
import type { MemoTask } from './memoization.ts';

export type TaskNoOf = (tx: Transaction, task: Named) => Promise<number>;
type Named = Pick<MemoTask, 'name' | 'version'>;

/** The numbers that stand for tasks in the store. Those noted in a transaction count once it has come through. */
export class TaskNumbers {
  readonly #known = new Map<string, number>();

  begin(): { readonly of: TaskNoOf; readonly keep: () => void } {
    const noted = new Map<string, number>();
    return {
      of: async (tx, task) => {
        const id = JSON.stringify([task.name, task.version]);
        const known = this.#known.get(id) ?? noted.get(id);
        if (known !== undefined) return known;
        const names = [task.name, task.version];
        await tx.run('INSERT INTO hf_memo_task (name, version) VALUES (?, ?) ON CONFLICT DO NOTHING', names);
        const sql = 'SELECT task_no FROM hf_memo_task WHERE name = ? AND version = ?';
        const [row] = await tx.all<{ task_no: number }>(sql, names);
        const { task_no: taskNo } = row as { task_no: number };
        noted.set(id, taskNo);
        return taskNo;
      },
      keep: () => {
        for (const [id, taskNo] of noted) this.#known.set(id, taskNo);
      },
    };
  }
}
