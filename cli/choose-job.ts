import { HoldfastError } from '../definitions/errors.ts';
import { type AnyJob, collectJobs, isJob } from '../definitions/job.ts';
import { loadModule } from './load-module.ts';

/** The jobs that a file exports. Errors: those of loading it, HF_NO_JOB, HF_JOB_NAME_TWICE. */
export async function loadJobs(file: string): Promise<readonly AnyJob[]> {
  const jobs = Object.values(await loadModule(file)).filter(isJob);
  if (jobs.length === 0) throw new HoldfastError('HF_NO_JOB', { file });
  const names = collectJobs(jobs).keys();
  return [...names].map((name) => jobs.find((job) => job.name === name) as AnyJob);
}

/** The one job of a file, or the named one. Errors: as `loadJobs`, HF_SEVERAL_JOBS, HF_JOB_NOT_IN_FILE. */
export async function chooseJob(file: string, name: string | undefined): Promise<AnyJob> {
  const jobs = await loadJobs(file);
  const names = jobs.map((job) => job.name).join(', ');
  if (name !== undefined) {
    const job = jobs.find((each) => each.name === name);
    if (job === undefined) throw new HoldfastError('HF_JOB_NOT_IN_FILE', { file, job: name, jobs: names });
    return job;
  }
  const [only, another] = jobs;
  if (only === undefined || another !== undefined) throw new HoldfastError('HF_SEVERAL_JOBS', { file, jobs: names });
  return only;
}
