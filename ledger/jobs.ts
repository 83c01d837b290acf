import type { Transaction } from '../database/database.ts';
import { HoldfastError } from '../definitions/errors.ts';
import { Bits } from './bits.ts';
import { hashCount } from './key-hash.ts';
import { type ChunkRow, type JobRow, type JobState, LANE, RANGE } from './rows.ts';
import { giveUpKeyless } from './tails.ts';

export interface NewGeneration {
  readonly jobId: string;
  readonly generation: number;
  readonly name: string;
  readonly params: string;
  readonly source: string;
  readonly sourceTitle: string;
  readonly sink: string;
  readonly sinkTitle: string;
  readonly concurrency: number;
  readonly rate: number | null;
  readonly now: number;
}

/** The newest generation of a job, or the given one. */
export async function findJob(tx: Transaction, jobId: string, generation?: number): Promise<JobRow | null> {
  const rows =
    generation === undefined
      ? await tx.all<JobRow>('SELECT * FROM hf_job WHERE job_id = ? ORDER BY generation DESC LIMIT 1', [jobId])
      : await tx.all<JobRow>('SELECT * FROM hf_job WHERE job_id = ? AND generation = ?', [jobId, generation]);
  return rows[0] ?? null;
}

/** The newest generation of every job of this ledger. */
export async function listJobs(tx: Transaction): Promise<JobRow[]> {
  return tx.all<JobRow>(
    `SELECT * FROM hf_job AS j WHERE generation = (SELECT max(generation) FROM hf_job WHERE job_id = j.job_id)
     ORDER BY started_at DESC`,
  );
}

/** Adds a generation; a racing opener that was first wins (the primary compare-and-set of `--again`). */
export async function insertGeneration(tx: Transaction, job: NewGeneration): Promise<JobRow> {
  await tx.run(
    `INSERT INTO hf_job (job_id, generation, name, params, source, source_title, sink, sink_title, state, epoch,
       concurrency, rate, created_at, started_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'running', 0, ?, ?, ?, ?) ON CONFLICT (job_id, generation) DO NOTHING`,
    [
      job.jobId,
      job.generation,
      job.name,
      job.params,
      job.source,
      job.sourceTitle,
      job.sink,
      job.sinkTitle,
      job.concurrency,
      job.rate,
      job.now,
      job.now,
    ],
  );
  const row = await findJob(tx, job.jobId, job.generation);
  if (!row) throw new Error(`generation ${job.generation} of ${job.jobId} was not stored`);
  return row;
}

export interface RunStart {
  readonly jobNo: number;
  readonly runId: string;
  readonly sourceState: string | null;
  readonly limit: number | null;
  /** Whether stored results are to be computed anew. */
  readonly refresh: boolean;
  readonly source: string;
  readonly sourceTitle: string;
  /** As in hf_job.source_ended: 0 when there may be more to plan. */
  readonly ended: 0 | 1 | 2;
  readonly now: number;
}

/**
 * Begins a run of a generation: a new epoch, the state running, the limit as given, and planning open where it had stopped. What
 * goes on where it stopped short is still the run that was asked for then: what it refreshed is fresh.
 */
export async function beginRun(tx: Transaction, run: RunStart): Promise<JobRow> {
  const applied = await sumApplied(tx, run.jobNo);
  const before = await jobByNumber(tx, run.jobNo);
  const goesOn = before.asked_at !== null && before.state !== 'complete' && before.state !== 'partial';
  const refreshes = goesOn && before.refresh === 1;
  const askedAt = goesOn && (refreshes || !run.refresh) ? before.asked_at : run.now;
  await tx.run(
    `UPDATE hf_job SET state = 'running', error = NULL, epoch = epoch + 1, run_id = ?, item_limit = ?, cancelling = 0,
       asked_at = ?, refresh = ?,
       source = ?, source_title = ?, source_state = ?, source_ended = ?, base_applied = ?, started_at = ?, ended_at = NULL
     WHERE job_no = ?`,
    [
      run.runId,
      run.limit,
      askedAt,
      refreshes || run.refresh ? 1 : 0,
      run.source,
      run.sourceTitle,
      run.sourceState,
      run.ended,
      applied,
      run.now,
      run.jobNo,
    ],
  );
  await releaseLanes(tx, run.jobNo);
  return jobByNumber(tx, run.jobNo);
}

/** A dead run's retry lanes hold items: gives them back, and lets the lanes commit nothing more. */
export async function releaseLanes(tx: Transaction, jobNo: number): Promise<void> {
  await tx.run("UPDATE hf_item SET lane = NULL, lane_fence = NULL WHERE job_no = ? AND state = 'waiting'", [jobNo]);
  await tx.run('UPDATE hf_chunk SET fence = fence + 1 WHERE job_no = ? AND kind = ?', [jobNo, LANE]);
}

/** A run goes on after all its workers were gone: what is counted as this run's begins here. The epoch stays. */
export async function goOnWithRun(tx: Transaction, jobNo: number, now: number): Promise<void> {
  const applied = await sumApplied(tx, jobNo);
  await tx.run('UPDATE hf_job SET base_applied = ?, started_at = ? WHERE job_no = ?', [applied, now, jobNo]);
}

export async function jobByNumber(tx: Transaction, jobNo: number): Promise<JobRow> {
  const [row] = await tx.all<JobRow>('SELECT * FROM hf_job WHERE job_no = ?', [jobNo]);
  if (!row) throw new Error(`the ledger has no job number ${jobNo}`);
  return row;
}

/** The job's row, if it still is of this epoch. Errors: HF_EPOCH_OLD. */
export async function jobOfEpoch(tx: Transaction, jobNo: number, epoch: number): Promise<JobRow> {
  const row = await jobByNumber(tx, jobNo);
  if (row.epoch !== epoch) throw new HoldfastError('HF_EPOCH_OLD', { id: row.job_id });
  return row;
}

/**
 * The source was replaced: what is not settled is given up (its keys are free again), and planning begins anew at the start,
 * matched by key. Chunks that are done stay what they are, but for records without a key.
 */
export async function beginPass(tx: Transaction, jobNo: number): Promise<void> {
  await giveUpKeyless(tx, jobNo);
  const open = await tx.all<ChunkRow>("SELECT * FROM hf_chunk WHERE job_no = ? AND kind = ? AND state = 'planned'", [
    jobNo,
    RANGE,
  ]);
  for (const chunk of open) await supersede(tx, chunk);
  await tx.run(
    'UPDATE hf_job SET pass = pass + 1, pass_applied = ?, next_cursor = NULL, source_ended = 0 WHERE job_no = ?',
    [await sumApplied(tx, jobNo), jobNo],
  );
}

async function supersede(tx: Transaction, chunk: ChunkRow): Promise<void> {
  const [keys] = await tx.all<{ hashes: Uint8Array; elsewhere: Uint8Array | null }>(
    'SELECT hashes, elsewhere FROM hf_keys WHERE job_no = ? AND chunk = ?',
    [chunk.job_no, chunk.number],
  );
  let own = 0;
  if (keys) {
    const size = hashCount(keys.hashes);
    const settled = new Bits(chunk.settled, size);
    const elsewhere = new Bits(keys.elsewhere, size);
    for (let position = 0; position < size; position++) {
      if (!settled.has(position)) elsewhere.set(position);
      else if (!elsewhere.has(position)) own++;
    }
    await tx.run('UPDATE hf_keys SET elsewhere = ? WHERE job_no = ? AND chunk = ?', [
      elsewhere.toBytes(),
      chunk.job_no,
      chunk.number,
    ]);
  }
  await tx.run(
    "UPDATE hf_chunk SET state = 'superseded', fence = fence + 1, read = ?, owner = NULL WHERE job_no = ? AND kind = ? AND number = ?",
    [own, chunk.job_no, RANGE, chunk.number],
  );
}

/** Ends a run: the final state, and an epoch under which nothing of it can commit any more. */
export async function endRun(
  tx: Transaction,
  end: { readonly jobNo: number; readonly state: JobState; readonly error: string | null; readonly now: number },
): Promise<void> {
  await tx.run(
    'UPDATE hf_job SET state = ?, error = ?, epoch = epoch + 1, cancelling = 0, ended_at = ? WHERE job_no = ?',
    [end.state, end.error, end.now, end.jobNo],
  );
  await releaseLanes(tx, end.jobNo);
}

export async function sumApplied(tx: Transaction, jobNo: number): Promise<number> {
  const [row] = await tx.all<{ applied: number | null }>(
    'SELECT sum(applied) AS applied FROM hf_chunk WHERE job_no = ?',
    [jobNo],
  );
  return Number(row?.applied ?? 0);
}

export interface ControlChange {
  readonly paused?: boolean;
  readonly cancelling?: boolean;
  readonly concurrency?: number;
  readonly rate?: number | null;
}

/** Changes what an operator steers; workers notice within a second. */
export async function changeControl(tx: Transaction, jobNo: number, change: ControlChange): Promise<void> {
  if (change.paused !== undefined)
    await tx.run('UPDATE hf_job SET paused = ? WHERE job_no = ?', [change.paused ? 1 : 0, jobNo]);
  if (change.cancelling !== undefined) {
    await tx.run('UPDATE hf_job SET cancelling = ? WHERE job_no = ?', [change.cancelling ? 1 : 0, jobNo]);
  }
  if (change.concurrency !== undefined) {
    await tx.run('UPDATE hf_job SET concurrency = ? WHERE job_no = ?', [change.concurrency, jobNo]);
  }
  if (change.rate !== undefined) await tx.run('UPDATE hf_job SET rate = ? WHERE job_no = ?', [change.rate, jobNo]);
}
