import type { Transaction } from '../database/database.ts';
import { type JobRow, type MemoCounts, RANGE } from './rows.ts';

/** Sums over a generation, from durable records. */
export interface Counts {
  readonly read: number;
  readonly applied: number;
  readonly waiting: number;
  readonly quarantined: number;
  readonly unknown: number;
  readonly known: number;
  /** Items of the generation once planning has ended; null before. */
  readonly total: number | null;
  readonly calls: number;
  readonly retried: number;
  readonly memo: MemoCounts;
  readonly chunksPlanned: number;
  readonly chunksDone: number;
}

interface ChunkSums {
  readonly read: number | null;
  readonly known: number | null;
  readonly applied: number | null;
  readonly calls: number | null;
  readonly retried: number | null;
  readonly hits: number | null;
  readonly misses: number | null;
  readonly saved: number | null;
  readonly planned: number | null;
  readonly done: number | null;
  readonly total: number | null;
}

export async function countJob(tx: Transaction, job: JobRow): Promise<Counts> {
  const [sums] = await tx.all<ChunkSums>(
    `SELECT sum(read) AS read, sum(known) AS known, sum(applied) AS applied, sum(calls) AS calls, sum(retried) AS retried,
       sum(memo_hits) AS hits, sum(memo_misses) AS misses, sum(memo_saved_ms) AS saved,
       sum(kind = ${RANGE}) AS planned, sum(kind = ${RANGE} AND state <> 'planned') AS done,
       sum(CASE WHEN state = 'planned' AND fence = 0 THEN records ELSE read END) AS total
     FROM hf_chunk WHERE job_no = ?`,
    [job.job_no],
  );
  const states = await tx.all<{ state: string; items: number }>(
    'SELECT state, count(*) AS items FROM hf_item WHERE job_no = ? GROUP BY state',
    [job.job_no],
  );
  const items = (state: string) => Number(states.find((row) => row.state === state)?.items ?? 0);
  return {
    read: Number(sums?.read ?? 0),
    applied: Number(sums?.applied ?? 0),
    waiting: items('waiting'),
    quarantined: items('quarantined'),
    unknown: items('unknown'),
    known: Number(sums?.known ?? 0),
    total: job.source_ended ? Number(sums?.total ?? 0) : null,
    calls: Number(sums?.calls ?? 0),
    retried: Number(sums?.retried ?? 0),
    memo: {
      hits: Number(sums?.hits ?? 0),
      misses: Number(sums?.misses ?? 0),
      savedMs: Math.round(Number(sums?.saved ?? 0)),
    },
    chunksPlanned: Number(sums?.planned ?? 0),
    chunksDone: Number(sums?.done ?? 0),
  };
}

/** The earliest time at which a waiting item that no lane holds is due, or null. */
export async function nextDue(tx: Transaction, jobNo: number): Promise<number | null> {
  const [row] = await tx.all<{ due: number | null }>(
    "SELECT min(due_at) AS due FROM hf_item WHERE job_no = ? AND state = 'waiting' AND lane IS NULL",
    [jobNo],
  );
  return row?.due ?? null;
}
