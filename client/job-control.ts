import { HoldfastError, isHoldfastError, showValue } from '../definitions/errors.ts';
import { redrive } from '../ledger/items.ts';
import { type ControlChange, changeControl, endRun } from '../ledger/jobs.ts';
import type { JobRow } from '../ledger/rows.ts';
import type { JobRecords } from './job-records.ts';
import { readStatus, type Summary, unopenedSummary } from './summary.ts';
import type { TemporalLink } from './temporal-link.ts';

/** How long a cancel waits for living workers to close the job in order, before it is closed without them. */
const CLOSE_IN_ORDER_MS = 20_000;
const LOOK_AGAIN_MS = 100;

export interface ControlParts {
  readonly jobId: string;
  readonly records: JobRecords;
  readonly temporal: TemporalLink;
}

/** Writes what an operator steers, and wakes the workflow where it can be reached. Errors: HF_JOB_UNKNOWN, HF_JOB_ENDED. */
export async function steer({ jobId, records, temporal }: ControlParts, change: ControlChange): Promise<Summary> {
  const summary = await records.write(jobId, async (tx, job) => {
    if (job.state !== 'running' && change.paused !== false)
      throw ended(job, 'there is nothing to steer until it is run again');
    await changeControl(tx, job.job_no, change);
    return (
      await readStatus(
        tx,
        { ...job, ...(change.paused === undefined ? {} : { paused: change.paused ? 1 : 0 }) },
        Date.now(),
      )
    ).summary;
  });
  await temporal.wake(jobId);
  return summary;
}

/** Refuses what cannot be a concurrency or a rate. Errors: HF_OPTION_INVALID. */
export function checkControl({
  concurrency,
  rate,
}: {
  readonly concurrency?: number;
  readonly rate?: number | null;
}): void {
  if (concurrency !== undefined && !(Number.isSafeInteger(concurrency) && concurrency > 0)) {
    throw invalid('concurrency', concurrency, 'give a whole number above 0');
  }
  if (rate !== undefined && rate !== null && !(Number.isFinite(rate) && rate > 0)) {
    throw invalid('rate', rate, 'give calls a second, a number above 0 (or none for no limit)');
  }
  if (concurrency === undefined && rate === undefined)
    throw invalid('concurrency', undefined, 'give concurrency, rate or both');
}

const invalid = (option: string, value: unknown, problem: string): HoldfastError =>
  new HoldfastError('HF_OPTION_INVALID', { option, value: showValue(value), problem });

/**
 * Ends a job: by its workflow where living workers serve it, so that items in flight end in order, else in the ledger itself.
 * Never waits for what nobody will do. Errors: HF_JOB_UNKNOWN, HF_JOB_ENDED.
 */
export async function cancelJob(parts: ControlParts): Promise<Summary> {
  const { jobId, records, temporal } = parts;
  let job: JobRow;
  try {
    job = await records.write(jobId, async (tx, row) => {
      if (row.state === 'running') await changeControl(tx, row.job_no, { cancelling: true });
      else if (row.state !== 'cancelled') throw ended(row, 'there is nothing left to cancel');
      return row;
    });
  } catch (error) {
    // Started, and no worker has opened it: only Temporal knows of it, and nothing has landed.
    const unknown = isHoldfastError(error, 'HF_JOB_UNKNOWN');
    if (unknown && (await temporal.terminate(jobId, 'cancelled before a worker opened it'))) {
      return { ...unopenedSummary({ jobId, job: jobId, elapsedMs: 0 }), state: 'cancelled' };
    }
    throw error;
  }
  if (job.state === 'running') await close(parts, job);
  return records.read(jobId, async (tx, row) => (await readStatus(tx, row, Date.now())).summary);
}

async function close(parts: ControlParts, job: JobRow): Promise<void> {
  const { jobId, records, temporal } = parts;
  const served = (await records.workersOf(job.name)).length > 0;
  if (served && (await temporal.cancel(jobId)) && (await closesInOrder(parts, job))) return;
  await endInLedger(parts, job, null);
  await temporal.terminate(jobId, 'cancelled; no worker closed it');
}

async function closesInOrder({ jobId, records }: ControlParts, { name, epoch }: JobRow): Promise<boolean> {
  for (let waited = 0; waited < CLOSE_IN_ORDER_MS; waited += LOOK_AGAIN_MS) {
    const now = await records.read(jobId, async (_, job) => job);
    if (now.state !== 'running' || now.epoch !== epoch) return true;
    if (waited % 1_000 === 0 && (await records.workersOf(name)).length === 0) return false;
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
  return false;
}

/** Writes the end of a run that no workflow will write, unless another run has taken over. */
export async function endInLedger(
  { jobId, records }: ControlParts,
  { job_no, epoch }: JobRow,
  error: string | null,
): Promise<void> {
  await records.write(jobId, async (tx, now) => {
    if (now.state !== 'running' || now.epoch !== epoch || now.job_no !== job_no) return;
    await endRun(tx, { jobNo: job_no, state: 'cancelled', error, now: Date.now() });
  });
}

export interface Redriven {
  /** Items sent through again. */
  readonly items: number;
  /** `woken`: the run that is open takes them; `started`: a new run does; `waiting`: the next run will, for Temporal was not reached. */
  readonly how: 'woken' | 'started' | 'waiting';
}

/** Sends quarantined items through again, with fresh tries. Errors: HF_JOB_UNKNOWN. */
export async function redriveJob(
  { jobId, records, temporal }: ControlParts,
  keys: readonly string[] | null,
): Promise<Redriven> {
  const { items, job } = await records.write(jobId, async (tx, row) => ({
    items: await redrive(tx, { jobNo: row.job_no, keys, now: Date.now() }),
    job: row,
  }));
  if (items === 0) return { items, how: 'waiting' };
  if (job.state === 'running') return { items, how: (await temporal.wake(jobId)) ? 'woken' : 'waiting' };
  const input = { jobId, name: job.name, params: job.params, again: false, limit: job.item_limit };
  return {
    items,
    how: (await temporal.bestEffort(() => temporal.start(input, { taskQueue: 'as before' }))) ? 'started' : 'waiting',
  };
}

function ended(job: JobRow, what: string): HoldfastError {
  return new HoldfastError('HF_JOB_ENDED', { id: job.job_id, state: job.state, what });
}
