import { HoldfastError } from '../definitions/errors.ts';
import type { Counts } from '../ledger/counts.ts';
import { endRun, jobByNumber, releaseLanes } from '../ledger/jobs.ts';
import { openChunks } from '../ledger/plan.ts';
import type { JobRow } from '../ledger/rows.ts';
import { giveUpTails } from '../ledger/tails.ts';
import type { CloseInput, CloseOutcome, JobResult } from '../workflows/messages.ts';
import type { JobSession } from './job-session.ts';
import { exceedsTolerance, lookAtJob } from './run-status.ts';

/** Ends a run by what the ledger says, whatever the workflow believes: sends back what is not done, else writes the final state. */
export async function closeJob(session: JobSession, { run, cancelled, failure }: CloseInput): Promise<CloseOutcome> {
  const { ledger, deps, spec } = session;
  deps.reach('during-close');
  const jobNo = session.job.job_no;
  const closed = await ledger.write(async (tx): Promise<CloseOutcome> => {
    const before = await jobByNumber(tx, jobNo);
    if (before.epoch !== run.epoch) return endedBefore(before, run.epoch);
    await giveUpTails(tx, jobNo);
    const { job, counts } = await lookAtJob(tx, spec, { jobNo, now: deps.now() });
    const end = judge(session, { job, counts, cancelled, failure, open: (await openChunks(tx, jobNo, 1)).length > 0 });
    if (end === null) {
      // Nothing of this run is in flight: what a lane seems to hold is held by nobody.
      await releaseLanes(tx, jobNo);
      return { kind: 'not-done' };
    }
    await endRun(tx, { jobNo, ...end, now: deps.now() });
    if (session.onceUsed && end.state === 'complete') await tx.run('DELETE FROM hf_once WHERE job_no = ?', [jobNo]);
    return { kind: 'closed', result: resultOf({ ...job, ...end }) };
  });
  deps.reach('after-close');
  return closed;
}

/** This very activity wrote the end before and its report was lost, or another run has taken over. */
function endedBefore(job: JobRow, epoch: number): CloseOutcome {
  if (job.state === 'running' || job.epoch !== epoch + 1) {
    return { kind: 'closed', result: { ...resultOf(job), state: 'cancelled', error: 'another run has taken over' } };
  }
  return { kind: 'closed', result: resultOf(job) };
}

interface Judged {
  readonly job: JobRow;
  readonly counts: Counts;
  readonly cancelled: boolean;
  readonly failure: CloseInput['failure'];
  readonly open: boolean;
}

function judge(
  { spec }: JobSession,
  { job, counts, cancelled, failure, open }: Judged,
): { readonly state: JobResult['state']; readonly error: string | null } | null {
  const left = open || job.source_ended === 0 || counts.waiting > 0;
  if (failure) return { state: 'failed', error: `${failure.message} (${failure.code})` };
  if (cancelled && left) return { state: 'cancelled', error: null };
  if (exceedsTolerance(spec, counts, left ? 'early' : 'end')) {
    const { tolerate } = spec;
    const error = new HoldfastError('HF_TOLERANCE_EXCEEDED', {
      id: job.job_id,
      failed: counts.quarantined + counts.unknown,
      read: left ? counts.applied + counts.quarantined + counts.unknown : counts.read,
      tolerate: tolerate.kind === 'count' ? tolerate.max : `${tolerate.max * 100}%`,
    });
    return { state: 'failed', error: error.message };
  }
  if (left) return null;
  const decided = counts.applied + counts.quarantined + counts.unknown;
  if (counts.read !== decided) {
    throw new Error(
      `job ${job.job_id}: read ${counts.read} is not applied + quarantined + unknown ${decided}: the ledger is damaged`,
    );
  }
  return { state: counts.quarantined + counts.unknown > 0 ? 'partial' : 'complete', error: null };
}

function resultOf(job: JobRow): JobResult {
  return {
    jobId: job.job_id,
    job: job.name,
    generation: job.generation,
    state: job.state === 'running' ? 'cancelled' : job.state,
    error: job.error,
    nothingNewSince: null,
  };
}
