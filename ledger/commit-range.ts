import type { Transaction } from '../database/database.ts';
import { HoldfastError } from '../definitions/errors.ts';
import type { Bits } from './bits.ts';
import { insertItems, type NewItem } from './items.ts';
import { type MemoCounts, RANGE } from './rows.ts';

/** What one attempt of a range chunk holds; `seq` follows its own commits. */
export interface RangeHold {
  readonly jobNo: number;
  readonly jobId: string;
  readonly epoch: number;
  readonly number: number;
  readonly fence: number;
  seq: number;
}

export interface RangeCommit {
  readonly landed: Bits;
  readonly settled: Bits;
  readonly applied: number;
  readonly calls: number;
  readonly memo: MemoCounts;
  readonly done: boolean;
  readonly items: readonly NewItem[];
}

/**
 * The guard and the record of a commit, the first statements of its transaction: an attempt that was taken over, or a commit
 * that was made already, changes nothing. Errors: HF_FENCED.
 */
export async function commitRange(tx: Transaction, hold: RangeHold, commit: RangeCommit): Promise<void> {
  const changed = await tx.run(
    `UPDATE hf_chunk SET seq = seq + 1, landed = ?, settled = ?, applied = applied + ?, calls = calls + ?, state = ?,
       memo_hits = memo_hits + ?, memo_misses = memo_misses + ?, memo_saved_ms = memo_saved_ms + ?
     WHERE job_no = ? AND kind = ${RANGE} AND number = ? AND fence = ? AND seq = ? AND state = 'planned'
       AND EXISTS (SELECT 1 FROM hf_job WHERE job_no = ? AND epoch = ?)`,
    [
      commit.landed.toBytes(),
      commit.settled.toBytes(),
      commit.applied,
      commit.calls,
      commit.done ? 'done' : 'planned',
      commit.memo.hits,
      commit.memo.misses,
      commit.memo.savedMs,
      hold.jobNo,
      hold.number,
      hold.fence,
      hold.seq,
      hold.jobNo,
      hold.epoch,
    ],
  );
  if (changed !== 1) throw new HoldfastError('HF_FENCED', { chunk: hold.number, id: hold.jobId });
  await insertItems(tx, hold.jobNo, commit.items);
}
