import type { Transaction } from '../database/database.ts';
import { leaveOut } from './adopt-key.ts';
import { Bits } from './bits.ts';
import { hashCount } from './key-hash.ts';
import { RANGE } from './rows.ts';

interface TailRow {
  readonly chunk: number;
  readonly position: number;
  readonly hashes: Uint8Array;
  readonly elsewhere: Uint8Array | null;
}

/**
 * The last line of a file that was still being written is quarantined where it was cut in the middle. Once it was read again,
 * whole, the quarantined piece is no record: gives it up, so that the job can be complete.
 */
export async function giveUpTails(tx: Transaction, jobNo: number): Promise<void> {
  const tails = await tx.all<TailRow>(
    `SELECT c.number AS chunk, i.position, k.hashes, k.elsewhere FROM hf_chunk c
     JOIN hf_keys k ON k.job_no = c.job_no AND k.chunk = c.number
     JOIN hf_item i ON i.job_no = c.job_no AND i.chunk = c.number AND i.state = 'quarantined' AND i.key IS NULL
     WHERE c.job_no = ? AND c.kind = ${RANGE} AND c.state = 'done' AND c.next_cursor <> c.to_cursor
       AND EXISTS (SELECT 1 FROM hf_chunk n
         WHERE n.job_no = c.job_no AND n.kind = ${RANGE} AND n.number = c.number + 1 AND n.pass = c.pass)`,
    [jobNo],
  );
  for (const { chunk, position, hashes } of tails) {
    if (position === hashCount(hashes) - 1) await leaveOut(tx, { jobNo, chunk, position });
  }
}

/**
 * The source is read again from its start: a record that had no key is known by its place only, so it is read and judged anew.
 * Gives up what stands for it, or a mended line would count as quarantined for ever.
 */
export async function giveUpKeyless(tx: Transaction, jobNo: number): Promise<void> {
  const rows = await tx.all<TailRow>(
    `SELECT i.chunk, i.position, k.hashes, k.elsewhere FROM hf_item i
     JOIN hf_keys k ON k.job_no = i.job_no AND k.chunk = i.chunk
     WHERE i.job_no = ? AND i.key IS NULL ORDER BY i.chunk`,
    [jobNo],
  );
  for (let at = 0; at < rows.length; ) {
    const { chunk, hashes, elsewhere } = rows[at] as TailRow;
    const given = new Bits(elsewhere, hashCount(hashes));
    const first = at;
    for (; rows[at]?.chunk === chunk; at++) given.set((rows[at] as TailRow).position);
    await tx.run('UPDATE hf_keys SET elsewhere = ? WHERE job_no = ? AND chunk = ?', [given.toBytes(), jobNo, chunk]);
    await tx.run(`UPDATE hf_chunk SET read = read - ? WHERE job_no = ? AND kind = ${RANGE} AND number = ?`, [
      at - first,
      jobNo,
      chunk,
    ]);
  }
  await tx.run('DELETE FROM hf_item WHERE job_no = ? AND key IS NULL', [jobNo]);
}
