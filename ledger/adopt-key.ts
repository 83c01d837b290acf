import type { Transaction } from '../database/database.ts';
import { Bits } from './bits.ts';
import { hashCount, KEY_HASH_BYTES } from './key-hash.ts';
import { findKeyOwner, type KeyOwner } from './reserve-keys.ts';
import { RANGE } from './rows.ts';

export interface KeyPlace {
  readonly jobNo: number;
  readonly chunk: number;
  readonly position: number;
}

/**
 * Reserves the key of a record that had none when its chunk was claimed (its schema has been mended since), in the place of
 * its stand-in. Who has the key already, or null: it is the record's own now.
 */
export async function adoptKey(tx: Transaction, place: KeyPlace, hash: Uint8Array): Promise<KeyOwner | null> {
  const { jobNo, chunk, position } = place;
  // Takes the job's row lock, as a claim does.
  await tx.run('UPDATE hf_job SET reserved = reserved + 1 WHERE job_no = ?', [jobNo]);
  const owner = await findKeyOwner(tx, place, hash);
  if (owner !== null) return owner;
  const [keys] = await tx.all<{ hashes: Uint8Array }>('SELECT hashes FROM hf_keys WHERE job_no = ? AND chunk = ?', [
    jobNo,
    chunk,
  ]);
  const hashes = Buffer.from(keys?.hashes ?? []);
  hashes.set(hash, position * KEY_HASH_BYTES);
  await tx.run(
    `UPDATE hf_keys SET hashes = ?, reserve_no = (SELECT reserved FROM hf_job WHERE job_no = ?)
     WHERE job_no = ? AND chunk = ?`,
    [hashes, jobNo, jobNo, chunk],
  );
  return null;
}

/** Leaves out a record whose key is another's: it is not read, but known. */
export async function leaveOut(tx: Transaction, { jobNo, chunk, position }: KeyPlace): Promise<void> {
  const [keys] = await tx.all<{ hashes: Uint8Array; elsewhere: Uint8Array | null }>(
    'SELECT hashes, elsewhere FROM hf_keys WHERE job_no = ? AND chunk = ?',
    [jobNo, chunk],
  );
  const elsewhere = new Bits(keys?.elsewhere ?? null, hashCount(keys?.hashes ?? new Uint8Array()));
  elsewhere.set(position);
  await tx.run('UPDATE hf_keys SET elsewhere = ? WHERE job_no = ? AND chunk = ?', [elsewhere.toBytes(), jobNo, chunk]);
  await tx.run('DELETE FROM hf_item WHERE job_no = ? AND chunk = ? AND position = ?', [jobNo, chunk, position]);
  await tx.run(
    `UPDATE hf_chunk SET read = read - 1, known = known + 1 WHERE job_no = ? AND kind = ${RANGE} AND number = ?`,
    [jobNo, chunk],
  );
}
