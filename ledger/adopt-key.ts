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

export interface JudgeAnew {
  readonly jobNo: number;
  readonly chunk: number;
  /** Key hashes as they are reserved and as they were read now, of the same bytes. */
  readonly stored: Buffer;
  readonly read: Buffer;
  readonly isSettled: (record: number) => boolean;
  readonly isKeyless: (record: number) => boolean;
  /** Hash of what stands for a record that has no key. */
  readonly standInOf: (record: number) => Buffer;
}

/**
 * Records of the same bytes whose keys are not those reserved. Where the schema was mended or made stricter meanwhile, a record
 * has a key now or has none any more: then it keeps its place, and adopts its key if it has not been decided. Any other key
 * means that the key function is none.
 */
export async function judgeAnew(
  tx: Transaction,
  { jobNo, chunk, stored, read, ...ask }: JudgeAnew,
): Promise<
  | { readonly kind: 'unstable'; readonly record: number }
  | { readonly kind: 'judged'; readonly hashes: Buffer; readonly taken: ReadonlyMap<number, KeyOwner> }
> {
  const hashes = Buffer.from(stored);
  const taken = new Map<number, KeyOwner>();
  const count = Math.max(hashCount(stored), hashCount(read));
  for (let record = 0; record < count; record++) {
    const [from, to] = [record * KEY_HASH_BYTES, (record + 1) * KEY_HASH_BYTES];
    const hash = read.subarray(from, to);
    const before = stored.subarray(from, to);
    if (before.length === hash.length && (hash.equals(before) || ask.isKeyless(record))) continue;
    if (hash.length === 0 || !before.equals(ask.standInOf(record))) return { kind: 'unstable', record };
    if (ask.isSettled(record)) continue;
    const owner = await adoptKey(tx, { jobNo, chunk, position: record }, hash);
    if (owner === null) hashes.set(hash, from);
    else taken.set(record, owner);
  }
  return { kind: 'judged', hashes, taken };
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
