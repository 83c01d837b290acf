import type { Transaction } from '../database/database.ts';
import { type Counts, countJob, nextDue } from '../ledger/counts.ts';
import { type JobRow, type JobState, RANGE } from '../ledger/rows.ts';

/** A job's counts, from durable records: of its generation as a whole, but for `thisRun` and the times. */
export interface Summary {
  readonly jobId: string;
  readonly job: string;
  readonly generation: number;
  readonly state: JobState | 'paused';
  readonly items: {
    readonly read: number;
    readonly applied: number;
    /** For their next try. */
    readonly waiting: number;
    readonly quarantined: number;
    readonly unknown: number;
    /** Known once planning has ended. */
    readonly total: number | null;
  };
  readonly thisRun: {
    readonly applied: number;
    /** Records of the source as it is now that had landed before this run, or were left out as another has their key. */
    readonly known: number;
  };
  readonly calls: { readonly made: number; readonly retried: number };
  readonly memo: { readonly hits: number; readonly misses: number; readonly savedMs: number };
  readonly chunks: { readonly planned: number; readonly done: number };
  /** Of this run, from its start to its end (or now). */
  readonly elapsedMs: number;
  /** Of this run. */
  readonly itemsPerSecond: number;
}

/** A summary, with what else an operator wants to know. */
export interface JobStatus {
  readonly summary: Summary;
  /** Why it failed. */
  readonly error: string | null;
  /** Canonical JSON. */
  readonly params: string;
  readonly source: string;
  readonly sink: string;
  readonly concurrency: number;
  readonly ratePerSecond: number | null;
  readonly limit: number | null;
  /** A cancel was asked for and has not taken effect yet. */
  readonly cancelling: boolean;
  /** In milliseconds since 1970, as all times here. */
  readonly startedAt: number;
  readonly endedAt: number | null;
  /** When the next waiting item is due. */
  readonly nextDueAt: number | null;
  /** Records left out in this pass over the source, as their keys had landed or are another's. */
  readonly leftOut: number;
  /** 1, and one more for each time that the source was replaced and read from its start. */
  readonly pass: number;
}

/** Reads a generation's status in the ledger. */
export async function readStatus(tx: Transaction, job: JobRow, now: number): Promise<JobStatus> {
  const counts = await countJob(tx, job);
  const leftOut = await countLeftOut(tx, job);
  return {
    summary: summarize(job, counts, { leftOut, now }),
    error: job.error,
    params: job.params,
    source: job.source_title,
    sink: job.sink_title,
    concurrency: job.concurrency,
    ratePerSecond: job.rate,
    limit: job.item_limit,
    cancelling: job.cancelling === 1 && job.state === 'running',
    startedAt: job.started_at,
    endedAt: job.ended_at,
    nextDueAt: await nextDue(tx, job.job_no),
    leftOut,
    pass: job.pass,
  };
}

/** An unterminated last record that is read again behind it is one record, not two. */
async function countLeftOut(tx: Transaction, job: JobRow): Promise<number> {
  const [row] = await tx.all<{ known: number | null; again: number | null }>(
    `SELECT sum(c.known) AS known, sum(min(c.known, p.next_cursor <> p.to_cursor)) AS again
     FROM hf_chunk AS c LEFT JOIN hf_chunk AS p
       ON p.job_no = c.job_no AND p.kind = c.kind AND p.pass = c.pass AND p.number = c.number - 1
     WHERE c.job_no = ? AND c.kind = ${RANGE} AND c.pass = ?`,
    [job.job_no, job.pass],
  );
  return Number(row?.known ?? 0) - Number(row?.again ?? 0);
}

interface Look {
  readonly leftOut: number;
  readonly now: number;
}

function summarize(job: JobRow, counts: Counts, { leftOut, now }: Look): Summary {
  const elapsedMs = Math.max(0, (job.ended_at ?? now) - job.started_at);
  const applied = counts.applied - job.base_applied;
  return {
    jobId: job.job_id,
    job: job.name,
    generation: job.generation,
    state: job.state === 'running' && job.paused === 1 ? 'paused' : job.state,
    items: {
      read: counts.read,
      applied: counts.applied,
      waiting: counts.waiting,
      quarantined: counts.quarantined,
      unknown: counts.unknown,
      total: counts.total,
    },
    thisRun: { applied, known: Math.max(0, job.base_applied - (job.pass_applied ?? 0)) + leftOut },
    calls: { made: counts.calls, retried: counts.retried },
    memo: counts.memo,
    chunks: { planned: counts.chunksPlanned, done: counts.chunksDone },
    elapsedMs,
    itemsPerSecond: elapsedMs === 0 ? 0 : Math.round((applied / elapsedMs) * 100_000) / 100,
  };
}

/** Whether a job in this state has nothing under way. */
export function hasEnded(state: Summary['state']): boolean {
  return state !== 'running' && state !== 'paused';
}

/** Of a job that is started and that no worker has opened yet. */
export function unopenedSummary(job: {
  readonly jobId: string;
  readonly job: string;
  readonly elapsedMs: number;
}): Summary {
  return {
    jobId: job.jobId,
    job: job.job,
    generation: 1,
    state: 'running',
    items: { read: 0, applied: 0, waiting: 0, quarantined: 0, unknown: 0, total: null },
    thisRun: { applied: 0, known: 0 },
    calls: { made: 0, retried: 0 },
    memo: { hits: 0, misses: 0, savedMs: 0 },
    chunks: { planned: 0, done: 0 },
    elapsedMs: job.elapsedMs,
    itemsPerSecond: 0,
  };
}

/** The counts of a run that found nothing to do: all that the last one applied was there before it. */
export function nothingDone(summary: Summary): Summary {
  const { applied, known } = summary.thisRun;
  return { ...summary, thisRun: { applied: 0, known: known + applied }, elapsedMs: 0, itemsPerSecond: 0 };
}
