import type { TaskInput } from './messages.ts';
import { taskActivity } from './task-activities.ts';

/** One task, for whoever has no workflow of their own: `HoldfastClient.runTask`. */
export async function holdfastTask({ task, input, taskQueue, refresh }: TaskInput): Promise<unknown> {
  return taskActivity({ taskQueue, refresh })(task)(input);
}
