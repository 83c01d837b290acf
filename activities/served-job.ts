import { HoldfastError } from '../definitions/errors.ts';
import type { JobSpec } from '../definitions/job.ts';
import type { Dependencies } from './dependencies.ts';

/** The job of that name. Errors: HF_JOB_NOT_SERVED, which passes where another worker of the queue has it. */
export function servedJob({ jobs }: Pick<Dependencies, 'jobs'>, name: string): JobSpec {
  const spec = jobs.get(name);
  if (!spec) throw new HoldfastError('HF_JOB_NOT_SERVED', { job: name, served: [...jobs.keys()].join(', ') });
  return spec;
}
