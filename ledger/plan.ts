import type { Transaction } from '../database/database.ts';
import type { Cursor } from '../definitions/ids.ts';
import { jobOfEpoch } from './jobs.ts';
import { type JobRow, RANGE } from './rows.ts';

export interface NewRange {
  readonly from: Cursor;
  readonly to: Cursor;
  readonly next: Cursor;
  readonly records: number;
  readonly checksum: string | null;
}

export interface PlannedChunk {
  readonly number: number;
  readonly done: boolean;
}

/** The range chunks behind a number, of whatever pass. */
export async function chunksAfter(
  tx: Transaction,
  jobNo: number,
  after: number,
  limit: number,
): Promise<PlannedChunk[]> {
  const rows = await tx.all<{ number: number; state: string }>(
    'SELECT number, state FROM hf_chunk WHERE job_no = ? AND kind = ? AND number > ? ORDER BY number LIMIT ?',
    [jobNo, RANGE, after, limit],
  );
  return rows.map((row) => ({ number: row.number, done: row.state !== 'planned' }));
}

/** The range chunks that are not done. */
export async function openChunks(tx: Transaction, jobNo: number, limit: number): Promise<number[]> {
  const rows = await tx.all<{ number: number }>(
    "SELECT number FROM hf_chunk WHERE job_no = ? AND kind = ? AND state = 'planned' ORDER BY number LIMIT ?",
    [jobNo, RANGE, limit],
  );
  return rows.map((row) => row.number);
}

/** Records planned in this generation's present pass, for `--limit`; an unterminated one that is read again counts once. */
export async function recordsPlanned(tx: Transaction, job: JobRow): Promise<number> {
  const [row] = await tx.all<{ records: number | null }>(
    'SELECT sum(records - (next_cursor <> to_cursor)) AS records FROM hf_chunk WHERE job_no = ? AND kind = ? AND pass = ?',
    [job.job_no, RANGE, job.pass],
  );
  return Number(row?.records ?? 0);
}

export interface Append {
  /** The job as it was read before the source was looked at. */
  readonly job: JobRow;
  readonly ranges: readonly NewRange[];
  /** 1: the source ended; 2: the limit was reached; 0: there is more. */
  readonly ended: 0 | 1 | 2;
  readonly sourceState: string;
}

/**
 * Appends ranges behind the last one, if nobody else has since the job was read (then the others' stand, and false comes back).
 * A range's `from` is the last one's `next`: contiguous, and never changed afterwards.
 */
export async function appendRanges(tx: Transaction, append: Append): Promise<boolean> {
  const { job, ranges } = append;
  const now = await jobOfEpoch(tx, job.job_no, job.epoch);
  if (now.planned !== job.planned || now.pass !== job.pass || now.next_cursor !== job.next_cursor) return false;
  let number = job.planned;
  await tx.runMany(
    `INSERT INTO hf_chunk (job_no, kind, number, pass, from_cursor, to_cursor, next_cursor, checksum, records, state)
     VALUES (?, ${RANGE}, ?, ?, ?, ?, ?, ?, ?, 'planned')`,
    ranges.map((range) => [
      job.job_no,
      ++number,
      job.pass,
      range.from,
      range.to,
      range.next,
      range.checksum,
      range.records,
    ]),
  );
  await tx.run('UPDATE hf_job SET planned = ?, next_cursor = ?, source_ended = ?, source_state = ? WHERE job_no = ?', [
    number,
    ranges.at(-1)?.next ?? job.next_cursor,
    append.ended,
    append.sourceState,
    job.job_no,
  ]);
  return true;
}

/** Records that the n-th chunk of a generation holds at most: 100, 200, 400 … up to the maximum. */
export function chunkRecords(number: number, max: number): number {
  return number > 20 ? max : Math.min(max, 100 * 2 ** (number - 1));
}
