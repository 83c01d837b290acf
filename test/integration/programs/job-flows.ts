// Workflows of a user who runs jobs from them.
import { type JobResult, type RunJobOptions, runJob } from '../../../workflows/index.ts';
import type { squares } from './job-definitions.ts';

export * from '../../../workflows/register.ts';

export async function squaresFlow(upTo: number, options: RunJobOptions = {}): Promise<JobResult> {
  return runJob<typeof squares>('squares', { upTo }, options);
}

/** As JavaScript may call it. */
export async function anyJobFlow(
  name: string,
  params: Record<string, unknown>,
  options: RunJobOptions = {},
): Promise<JobResult> {
  return runJob(name, params, options);
}
