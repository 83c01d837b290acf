import type { Transaction } from '../database/database.ts';
import type { MemoTask } from './memoization.ts';

type Named = Pick<MemoTask, 'name' | 'version'>;
export type TaskNoOf = (task: Named) => number;

/** The numbers that stand for tasks in the store. Those noted in a transaction count once it has come through. */
export class TaskNumbers {
  readonly #known = new Map<string, number>();

  /** The numbers of tasks, for one transaction; `keep` is called when it has come through. */
  async note(
    tx: Transaction,
    tasks: ReadonlySet<Named>,
  ): Promise<{ readonly of: TaskNoOf; readonly keep: () => void }> {
    const numbers = new Map<Named, number>();
    for (const task of tasks) numbers.set(task, this.#known.get(idOf(task)) ?? (await noteTask(tx, task)));
    return {
      of: (task) => numbers.get(task) as number,
      keep: () => {
        for (const [task, taskNo] of numbers) this.#known.set(idOf(task), taskNo);
      },
    };
  }
}

async function noteTask(tx: Transaction, { name, version }: Named): Promise<number> {
  await tx.run('INSERT INTO hf_memo_task (name, version) VALUES (?, ?) ON CONFLICT DO NOTHING', [name, version]);
  const sql = 'SELECT task_no FROM hf_memo_task WHERE name = ? AND version = ?';
  const [row] = await tx.all<{ task_no: number }>(sql, [name, version]);
  return (row as { task_no: number }).task_no;
}

const idOf = ({ name, version }: Named): string => JSON.stringify([name, version]);
