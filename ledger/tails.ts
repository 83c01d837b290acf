import type { Transaction } from '../database/database.ts';
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
  for (const { chunk, position, hashes, elsewhere } of tails) {
    const size = hashCount(hashes);
    if (position !== size - 1) continue;
    const given = new Bits(elsewhere, size);
    given.set(position);
    await tx.run('DELETE FROM hf_item WHERE job_no = ? AND chunk = ? AND position = ?', [jobNo, chunk, position]);
    await tx.run('UPDATE hf_keys SET elsewhere = ? WHERE job_no = ? AND chunk = ?', [given.toBytes(), jobNo, chunk]);
    await tx.run(
      `UPDATE hf_chunk SET read = read - 1, known = known + 1 WHERE job_no = ? AND kind = ${RANGE} AND number = ?`,
      [jobNo, chunk],
    );
  }
}
