import type { Transaction } from '../database/database.ts';
import { HoldfastError } from '../definitions/errors.ts';
import { adoptKey, leaveOut } from './adopt-key.ts';
import { findChunk } from './claim-range.ts';
import { jobOfEpoch } from './jobs.ts';
import { hashKeys } from './key-hash.ts';
import type { KeyOwner } from './reserve-keys.ts';
import { type ItemReason, type ItemRow, type JobRow, LANE, type MemoCounts } from './rows.ts';

/** What one attempt of a retry lane holds. */
export interface LaneHold {
  readonly jobNo: number;
  readonly jobId: string;
  readonly epoch: number;
  readonly lane: number;
  readonly fence: number;
  seq: number;
}

/** Takes a lane for one attempt: raises its fence and gives back what an earlier attempt held. Errors: HF_EPOCH_OLD. */
export async function claimLane(
  tx: Transaction,
  claim: { readonly jobNo: number; readonly epoch: number; readonly lane: number; readonly owner: string },
): Promise<{ readonly hold: LaneHold; readonly job: JobRow }> {
  const job = await jobOfEpoch(tx, claim.jobNo, claim.epoch);
  await tx.run(
    `INSERT INTO hf_chunk (job_no, kind, number, pass, state) VALUES (?, ${LANE}, ?, ?, 'planned')
     ON CONFLICT (job_no, kind, number) DO NOTHING`,
    [claim.jobNo, claim.lane, job.pass],
  );
  await tx.run('UPDATE hf_chunk SET fence = fence + 1, owner = ? WHERE job_no = ? AND kind = ? AND number = ?', [
    claim.owner,
    claim.jobNo,
    LANE,
    claim.lane,
  ]);
  await tx.run(
    "UPDATE hf_item SET lane = NULL, lane_fence = NULL WHERE job_no = ? AND state = 'waiting' AND lane = ?",
    [claim.jobNo, claim.lane],
  );
  const row = await findChunk(tx, claim.jobNo, LANE, claim.lane);
  const hold = {
    jobNo: claim.jobNo,
    jobId: job.job_id,
    epoch: claim.epoch,
    lane: claim.lane,
    fence: row.fence,
    seq: row.seq,
  };
  return { hold, job };
}

/** Takes due items for the lane, the longest due first. Errors: HF_FENCED. */
export async function takeDue(
  tx: Transaction,
  hold: LaneHold,
  { now, limit }: { readonly now: number; readonly limit: number },
): Promise<ItemRow[]> {
  await guard(tx, hold, { applied: 0, calls: 0, retried: 0, memo: { hits: 0, misses: 0, savedMs: 0 } });
  const rows = await tx.all<ItemRow>(
    `SELECT * FROM hf_item WHERE job_no = ? AND state = 'waiting' AND lane IS NULL AND due_at <= ? ORDER BY due_at LIMIT ?`,
    [hold.jobNo, now, limit],
  );
  await tx.runMany(
    'UPDATE hf_item SET lane = ?, lane_fence = ? WHERE job_no = ? AND chunk = ? AND position = ?',
    rows.map((row) => [hold.lane, hold.fence, row.job_no, row.chunk, row.position]),
  );
  return rows;
}

export interface LaneOutcome {
  readonly chunk: number;
  readonly position: number;
  readonly next:
    | { readonly kind: 'landed' }
    | {
        readonly kind: 'waiting' | 'quarantined';
        readonly reason: ItemReason;
        readonly attempts: number;
        readonly dueAt: number | null;
        readonly error: string;
      };
}

export interface LaneCommit {
  readonly outcomes: readonly LaneOutcome[];
  /** Items taken but not run: back to waiting for another attempt. */
  readonly giveBack: readonly { readonly chunk: number; readonly position: number }[];
  readonly calls: number;
  readonly retried: number;
  readonly memo: MemoCounts;
  readonly now: number;
}

/**
 * The guard and the record of a lane's commit. Each item must still be waiting and held by this attempt, or everything is
 * rolled back. Errors: HF_FENCED.
 */
export async function commitLane(tx: Transaction, hold: LaneHold, commit: LaneCommit): Promise<void> {
  const landed = commit.outcomes.filter((outcome) => outcome.next.kind === 'landed');
  const { calls, retried, memo } = commit;
  await guard(tx, hold, { applied: landed.length, calls, retried, memo });
  const mine = "WHERE job_no = ? AND chunk = ? AND position = ? AND state = 'waiting' AND lane = ? AND lane_fence = ?";
  const place = (at: { readonly chunk: number; readonly position: number }) => [
    hold.jobNo,
    at.chunk,
    at.position,
    hold.lane,
    hold.fence,
  ];
  let changed = await tx.runMany(`DELETE FROM hf_item ${mine}`, landed.map(place));
  for (const outcome of commit.outcomes) {
    const { next } = outcome;
    if (next.kind === 'landed') continue;
    changed += await tx.run(
      `UPDATE hf_item SET state = ?, reason = ?, attempts = ?, due_at = ?, error = ?, updated_at = ?, lane = NULL, lane_fence = NULL ${mine}`,
      [next.kind, next.reason, next.attempts, next.dueAt, next.error, commit.now, ...place(outcome)],
    );
  }
  changed += await tx.runMany(`UPDATE hf_item SET lane = NULL, lane_fence = NULL ${mine}`, commit.giveBack.map(place));
  if (changed !== commit.outcomes.length + commit.giveBack.length) {
    throw new HoldfastError('HF_FENCED', { chunk: `retry ${hold.lane}`, id: hold.jobId });
  }
}

/**
 * Gives a held item the key that it had none of. `taken`: another record has it; `left-out`: and so this one is not read at
 * all. Errors: HF_FENCED.
 */
export async function giveKey(
  tx: Transaction,
  hold: LaneHold,
  give: { readonly row: ItemRow; readonly key: string; readonly onDuplicateKey: 'quarantine' | 'first' },
): Promise<
  { readonly kind: 'own' } | { readonly kind: 'left-out' } | { readonly kind: 'taken'; readonly owner: KeyOwner }
> {
  const { job_no: jobNo, chunk, position } = give.row;
  const changed = await tx.run(
    `UPDATE hf_item SET key = ?
     WHERE job_no = ? AND chunk = ? AND position = ? AND state = 'waiting' AND lane = ? AND lane_fence = ?`,
    [give.key, jobNo, chunk, position, hold.lane, hold.fence],
  );
  if (changed !== 1) throw new HoldfastError('HF_FENCED', { chunk: `retry ${hold.lane}`, id: hold.jobId });
  const owner = await adoptKey(tx, { jobNo, chunk, position }, hashKeys([give.key]));
  if (owner === null) return { kind: 'own' };
  if (give.onDuplicateKey === 'quarantine') return { kind: 'taken', owner };
  await leaveOut(tx, { jobNo, chunk, position });
  return { kind: 'left-out' };
}

async function guard(
  tx: Transaction,
  hold: LaneHold,
  add: Pick<LaneCommit, 'calls' | 'retried' | 'memo'> & { readonly applied: number },
): Promise<void> {
  const changed = await tx.run(
    `UPDATE hf_chunk SET seq = seq + 1, applied = applied + ?, calls = calls + ?, retried = retried + ?,
       memo_hits = memo_hits + ?, memo_misses = memo_misses + ?, memo_saved_ms = memo_saved_ms + ?
     WHERE job_no = ? AND kind = ${LANE} AND number = ? AND fence = ? AND seq = ?
       AND EXISTS (SELECT 1 FROM hf_job WHERE job_no = ? AND epoch = ?)`,
    [
      add.applied,
      add.calls,
      add.retried,
      add.memo.hits,
      add.memo.misses,
      add.memo.savedMs,
      hold.jobNo,
      hold.lane,
      hold.fence,
      hold.seq,
      hold.jobNo,
      hold.epoch,
    ],
  );
  if (changed !== 1) throw new HoldfastError('HF_FENCED', { chunk: `retry ${hold.lane}`, id: hold.jobId });
}
