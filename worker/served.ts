import { HoldfastError, showValue } from '../definitions/errors.ts';
import { collectJobs, isJob, type JobSpec } from '../definitions/job.ts';
import { collectTasks, isTask, type TaskSpec } from '../definitions/task.ts';

/** The tasks of an option. Errors: HF_TASK_NAME_TWICE, HF_DEFINITION_INVALID where something was given, but no task. */
export function servedTasks(given: object | undefined, what: string): ReadonlyMap<string, TaskSpec> {
  if (isTask(given)) throw none(what, { tasks: given }, 'it is a task itself: give an array of tasks');
  const tasks = collectTasks(given ?? []);
  if (tasks.size === 0 && !isEmpty(given))
    throw none(what, { tasks: given }, 'there is no task in it: give what defineTask returns');
  return tasks;
}

/** The jobs of an option. Errors: HF_JOB_NAME_TWICE, HF_DEFINITION_INVALID where something was given, but no job. */
export function servedJobs(given: object | undefined, what: string): ReadonlyMap<string, JobSpec> {
  if (isJob(given)) throw none(what, { jobs: given }, 'it is a job itself: give an array of jobs');
  const jobs = collectJobs(Object.values(given ?? []).filter(isJob));
  if (jobs.size === 0 && !isEmpty(given))
    throw none(what, { jobs: given }, 'there is no job in it: give what defineJob returns');
  return jobs;
}

/** An empty array or object may be what a program has computed. */
function isEmpty(given: object | undefined): boolean {
  return given === undefined || (typeof given === 'object' && Object.keys(given).length === 0);
}

function none(what: string, option: Readonly<Record<string, unknown>>, problem: string): HoldfastError {
  const [[name, given] = ['', undefined]] = Object.entries(option);
  const names = typeof given === 'object' && given !== null && !isJob(given) ? Object.keys(given).join(', ') : null;
  const value = names === null || Array.isArray(given) ? showValue(given) : `an object with ${names}`;
  return new HoldfastError('HF_DEFINITION_INVALID', { what, option: name, value, problem });
}
