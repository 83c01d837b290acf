import type { TaskInput } from './messages.ts';
import { proxyTasks } from './tasks.ts';

/** One task, for whoever has no workflow of their own: `HoldfastClient.runTask`. */
export async function holdfastTask({ task, input, taskQueue, refresh }: TaskInput): Promise<unknown> {
  return runTask(task, { input, taskQueue, refresh });
}

async function runTask(task: string, { input, taskQueue, refresh }: Omit<TaskInput, 'task'>): Promise<unknown> {
  const tasks = proxyTasks<unknown>({ taskQueue, refresh }) as Readonly<
    Record<string, (input: unknown) => Promise<unknown>>
  >;
  const run = tasks[task] as (input: unknown) => Promise<unknown>;
  return run(input);
}
