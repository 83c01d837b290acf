import type { Transaction } from '../database/database.ts';
import type { JobSpec } from '../definitions/job.ts';
import { DEFAULTS } from '../definitions/limits.ts';
import { type Counts, countJob, nextDue } from '../ledger/counts.ts';
import { jobByNumber } from '../ledger/jobs.ts';
import type { JobRow } from '../ledger/rows.ts';
import type { RunStatus } from '../workflows/messages.ts';

export interface JobLook {
  readonly job: JobRow;
  readonly counts: Counts;
  readonly status: RunStatus;
}

/** One look at everything that steers a run. */
export async function lookAtJob(
  tx: Transaction,
  spec: JobSpec,
  { jobNo, now }: { readonly jobNo: number; readonly now: number },
): Promise<JobLook> {
  const job = await jobByNumber(tx, jobNo);
  const counts = await countJob(tx, job);
  const status: RunStatus = {
    at: now,
    paused: job.paused === 1,
    stop: job.cancelling === 1 ? 'cancelled' : exceedsTolerance(spec, counts, 'early') ? 'tolerance' : null,
    nextDueAt: await nextDue(tx, jobNo),
    waiting: counts.waiting,
    full: counts.waiting >= spec.maxWaiting,
  };
  return { job, counts, status };
}

/** Whether more items are quarantined than the job tolerates: of those decided while it runs (once enough are), of all at its end. */
export function exceedsTolerance(spec: JobSpec, counts: Counts, when: 'early' | 'end'): boolean {
  const failed = counts.quarantined + counts.unknown;
  if (spec.tolerate.kind === 'count') return failed > spec.tolerate.max;
  const decided = when === 'end' ? counts.read : counts.applied + failed;
  if (when === 'early' && decided < DEFAULTS.toleranceJudgedFrom) return false;
  return failed > decided * spec.tolerate.max;
}
