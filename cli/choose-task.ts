import { HoldfastError } from '../definitions/errors.ts';
import { isJob, jobSpecOf } from '../definitions/job.ts';
import { isTask, type TaskSpec, taskSpecOf } from '../definitions/task.ts';
import { loadModule } from './load-module.ts';

/** The one task of a file, or the named one: of those that it exports and those that its jobs run. Errors: those of loading the
 * file, HF_NO_TASK, HF_SEVERAL_TASKS, HF_TASK_NOT_IN_FILE. */
export async function chooseTask(file: string, name: string | undefined): Promise<TaskSpec> {
  const tasks = new Map<string, TaskSpec>();
  for (const spec of tasksOf(Object.values(await loadModule(file))))
    if (!tasks.has(spec.name)) tasks.set(spec.name, spec);
  const [only, another] = tasks.values();
  if (only === undefined) throw new HoldfastError('HF_NO_TASK', { file });
  const names = [...tasks.keys()].join(', ');
  if (name !== undefined) {
    const task = tasks.get(name);
    if (task === undefined) throw new HoldfastError('HF_TASK_NOT_IN_FILE', { file, task: name, tasks: names });
    return task;
  }
  if (another !== undefined) throw new HoldfastError('HF_SEVERAL_TASKS', { file, tasks: names });
  return only;
}

/** Exported tasks come first: of two that have one name, the exported one is meant. */
function* tasksOf(exported: readonly unknown[]): Generator<TaskSpec> {
  for (const value of exported) if (isTask(value)) yield taskSpecOf(value);
  for (const value of exported) {
    const work = isJob(value) ? jobSpecOf(value).work : null;
    if (work?.kind === 'task') yield work.task;
  }
}
