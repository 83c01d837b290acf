import { HoldfastError } from '../definitions/errors.ts';
import { type AnyJob, collectJobs, isJob } from '../definitions/job.ts';
import { type AnyTask, collectTasks, isTask } from '../definitions/task.ts';
import { loadModule } from './load-module.ts';

/** What a worker serves of some files. */
export interface Definitions {
  readonly jobs: readonly AnyJob[];
  readonly tasks: readonly AnyTask[];
  readonly names: { readonly jobs: readonly string[]; readonly tasks: readonly string[] };
}

/** The jobs and tasks that files export. Errors: those of loading them, HF_NO_JOB, HF_JOB_NAME_TWICE, HF_TASK_NAME_TWICE. */
export async function loadDefinitions(files: readonly string[]): Promise<Definitions> {
  const exported = (await Promise.all(files.map(exportsOf))).flat();
  const jobs = exported.filter(isJob);
  const tasks = exported.filter(isTask);
  const names = { jobs: [...collectJobs(jobs).keys()], tasks: [...collectTasks(tasks).keys()] };
  return { jobs, tasks, names };
}

async function exportsOf(file: string): Promise<readonly unknown[]> {
  const exported = Object.values(await loadModule(file));
  if (!exported.some((value) => isJob(value) || isTask(value))) throw new HoldfastError('HF_NO_JOB', { file });
  return exported;
}
