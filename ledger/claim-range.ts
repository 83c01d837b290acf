import type { Transaction } from '../database/database.ts';
import { judgeAnew } from './adopt-key.ts';
import { Bits } from './bits.ts';
import { insertItems, type NewItem } from './items.ts';
import { jobOfEpoch } from './jobs.ts';
import type { KeyFilter } from './key-filter.ts';
import { hashAt, hashCount, KEY_HASH_BYTES } from './key-hash.ts';
import { findTakenKeys, type KeyOwner } from './reserve-keys.ts';
import { type ChunkRow, type JobRow, RANGE } from './rows.ts';

export interface ClaimRange {
  readonly jobNo: number;
  readonly epoch: number;
  readonly number: number;
  readonly owner: string;
  /** Key hashes of the records as they were read now, in order. */
  readonly hashes: Buffer;
  readonly filter: KeyFilter;
  readonly onDuplicateKey: 'quarantine' | 'first';
  /** Whether a record has no key, so that only its place tells it apart. */
  readonly isKeyless: (record: number) => boolean;
  /** Hash of what stands for a record's key where it has none. */
  readonly standInOf: (record: number) => Buffer;
  /** The quarantine's row for a record whose key is taken. */
  readonly describeDuplicate: (record: number, owner: KeyOwner) => Omit<NewItem, 'chunk' | 'position'>;
}

export type RangeClaim =
  | { readonly kind: 'done' | 'superseded'; readonly chunk: ChunkRow }
  /** Same bytes, other keys: the key function is not a function of the item. `record` is the first that differs. */
  | { readonly kind: 'unstable'; readonly record: number }
  | {
      readonly kind: 'claimed';
      readonly chunk: ChunkRow;
      readonly job: JobRow;
      /** Ledger position of each record read; null: the same numbers. */
      readonly positions: Int32Array | null;
      /** Positions in all. */
      readonly size: number;
      readonly landed: Bits;
      readonly settled: Bits;
      readonly duplicates: readonly { readonly position: number; readonly owner: KeyOwner }[];
      /** Order number of this claim's reservation: once the claim is committed, the filter is synced to it. Null: none was made. */
      readonly reserveNo: number | null;
    };

export async function findChunk(tx: Transaction, jobNo: number, kind: number, number: number): Promise<ChunkRow> {
  const [row] = await tx.all<ChunkRow>('SELECT * FROM hf_chunk WHERE job_no = ? AND kind = ? AND number = ?', [
    jobNo,
    kind,
    number,
  ]);
  if (!row) throw new Error(`the ledger has no chunk ${number}`);
  return row;
}

/**
 * Takes a chunk for one attempt: raises its fence, reserves its keys (the first time) or matches them with those reserved
 * (after that), and tells what is settled. One transaction. Errors: HF_EPOCH_OLD.
 */
export async function claimRange(tx: Transaction, claim: ClaimRange): Promise<RangeClaim> {
  const { jobNo, number } = claim;
  const job = await jobOfEpoch(tx, jobNo, claim.epoch);
  // Takes the job's row lock: reservations of one generation are made one after the other.
  await tx.run('UPDATE hf_job SET reserved = reserved + 1 WHERE job_no = ?', [jobNo]);
  const before = await findChunk(tx, jobNo, RANGE, number);
  if (before.state !== 'planned') return { kind: before.state, chunk: before };
  await tx.run('UPDATE hf_chunk SET fence = fence + 1, owner = ? WHERE job_no = ? AND kind = ? AND number = ?', [
    claim.owner,
    jobNo,
    RANGE,
    number,
  ]);
  const [keys] = await tx.all<{ hashes: Uint8Array; elsewhere: Uint8Array | null }>(
    'SELECT hashes, elsewhere FROM hf_keys WHERE job_no = ? AND chunk = ?',
    [jobNo, number],
  );
  const match = matchKeys(keys?.hashes ?? null, claim.hashes);
  const size = match.added === null ? hashCount(keys?.hashes ?? claim.hashes) : hashCount(match.all);
  const state: ClaimState = {
    tx,
    claim,
    job,
    before,
    landed: new Bits(before.landed, size),
    settled: new Bits(before.settled, size),
    elsewhere: new Bits(keys?.elsewhere ?? null, size),
  };
  if (match.added === null) {
    const chunk = await findChunk(tx, jobNo, RANGE, number);
    return {
      kind: 'claimed',
      chunk,
      job,
      positions: null,
      size,
      landed: state.landed,
      settled: state.settled,
      duplicates: [],
      reserveNo: null,
    };
  }
  if (keys && before.checksum !== null) return claimJudgedAnew(state, Buffer.from(keys.hashes));
  if (keys) giveUpMissing(state, match);
  const duplicates = await reserve(state, match);
  const chunk = await findChunk(tx, jobNo, RANGE, number);
  const { landed, settled } = state;
  return {
    kind: 'claimed',
    chunk,
    job,
    positions: match.positions,
    size,
    landed,
    settled,
    duplicates,
    reserveNo: job.reserved + 1,
  };
}

/** The same bytes, but other records of them have keys. */
async function claimJudgedAnew(state: ClaimState, stored: Buffer): Promise<RangeClaim> {
  const { tx, claim, job, settled, landed } = state;
  const judged = await judgeAnew(tx, {
    jobNo: claim.jobNo,
    chunk: claim.number,
    stored,
    read: claim.hashes,
    isSettled: (record) => settled.has(record),
    isKeyless: claim.isKeyless,
    standInOf: claim.standInOf,
  });
  if (judged.kind === 'unstable') return judged;
  const duplicates = await settleTaken(state, judged.taken, (position) => position);
  await storeKeys(state, judged.hashes);
  const chunk = await findChunk(tx, claim.jobNo, RANGE, claim.number);
  const size = hashCount(stored);
  return { kind: 'claimed', chunk, job, positions: null, size, landed, settled, duplicates, reserveNo: null };
}

interface ClaimState {
  readonly tx: Transaction;
  readonly claim: ClaimRange;
  readonly job: JobRow;
  readonly before: ChunkRow;
  readonly landed: Bits;
  readonly settled: Bits;
  readonly elsewhere: Bits;
}

interface KeyMatch {
  /** Ledger position of each record; null: identity. */
  readonly positions: Int32Array | null;
  /** Records (by their number in the read) whose keys are not reserved yet; `all` at the first claim; null: none. */
  readonly added: readonly number[] | 'all' | null;
  /** Reserved hashes with the added ones behind. */
  readonly all: Buffer;
}

/** Equal lists need nothing; else records are matched by key, and new ones get positions behind those reserved. */
function matchKeys(reserved: Uint8Array | null, read: Buffer): KeyMatch {
  if (reserved === null) {
    return { positions: null, added: 'all', all: read };
  }
  const stored = Buffer.from(reserved.buffer, reserved.byteOffset, reserved.byteLength);
  if (stored.equals(read)) return { positions: null, added: null, all: stored };
  const byHash = new Map<string, number>();
  for (let position = hashCount(stored) - 1; position >= 0; position--) byHash.set(hashAt(stored, position), position);
  const positions = new Int32Array(hashCount(read));
  const added: number[] = [];
  for (let record = 0; record < positions.length; record++) {
    const hash = hashAt(read, record);
    const position = byHash.get(hash);
    if (position !== undefined) {
      positions[record] = position;
      byHash.delete(hash);
    } else {
      positions[record] = hashCount(stored) + added.length;
      added.push(record);
    }
  }
  const tail = Buffer.concat(
    added.map((record) => read.subarray(record * KEY_HASH_BYTES, (record + 1) * KEY_HASH_BYTES)),
  );
  return { positions, added, all: Buffer.concat([stored, tail]) };
}

function addedCount({ added, all }: KeyMatch): number {
  return added === 'all' ? hashCount(all) : (added?.length ?? 0);
}

/** Reserved keys that are no longer in the source and had not run: they are nobody's now. */
function giveUpMissing(state: ClaimState, match: KeyMatch): void {
  const present = new Set(match.positions);
  const reserved = hashCount(match.all) - addedCount(match);
  for (let position = 0; position < reserved; position++) {
    if (present.has(position) || state.settled.has(position)) continue;
    state.elsewhere.set(position);
    state.settled.set(position);
  }
}

async function reserve(state: ClaimState, match: KeyMatch): Promise<{ position: number; owner: KeyOwner }[]> {
  const { tx, claim } = state;
  const offset = hashCount(match.all) - addedCount(match);
  const hashes = match.all.subarray(offset * KEY_HASH_BYTES);
  const recordOf = (position: number) =>
    Array.isArray(match.added) ? (match.added[position - offset] as number) : position;
  const taken = await findTakenKeys(tx, { jobNo: claim.jobNo, chunk: claim.number, hashes, filter: claim.filter });
  const tail = match.added === 'all' && (await isReadAgain(state)) ? hashCount(match.all) - 1 : -1;
  if (tail >= 0) {
    state.settled.set(tail);
    state.elsewhere.set(tail);
  }
  const others = ownDoubles(state, match.all, offset);
  for (const [index, owner] of taken) {
    const position = offset + index;
    if (position === tail) continue;
    // What the tail's chunk quarantines is given up at the end: this is the whole record.
    if (owner.tail && claim.isKeyless(recordOf(position))) continue;
    others.set(position, owner.chunk === claim.number ? { ...owner, position: offset + owner.position } : owner);
  }
  const duplicates = await settleTaken(state, others, recordOf);
  await storeKeys(state, match.all);
  return duplicates;
}

/** Added records whose keys the chunk itself reserved at an earlier claim, at a position that is another record's. */
function ownDoubles({ claim, elsewhere }: ClaimState, all: Buffer, offset: number): Map<number, KeyOwner> {
  const reserved = new Map<string, number>();
  for (let position = offset - 1; position >= 0; position--) {
    if (!elsewhere.has(position)) reserved.set(hashAt(all, position), position);
  }
  const doubles = new Map<number, KeyOwner>();
  for (let position = offset; offset > 0 && position < hashCount(all); position++) {
    const first = reserved.get(hashAt(all, position));
    if (first === undefined) continue;
    doubles.set(position, { chunk: claim.number, position: first, pass: Number.POSITIVE_INFINITY, tail: false });
  }
  return doubles;
}

/** Settles positions whose keys are another's: left out, or (what comes back) quarantined. */
async function settleTaken(
  { tx, claim, before, settled, elsewhere }: ClaimState,
  taken: ReadonlyMap<number, KeyOwner>,
  recordOf: (position: number) => number,
): Promise<{ position: number; owner: KeyOwner }[]> {
  const duplicates: { position: number; owner: KeyOwner }[] = [];
  for (const [position, owner] of taken) {
    settled.set(position);
    if (owner.pass < before.pass || owner.tail || claim.onDuplicateKey === 'first') elsewhere.set(position);
    else duplicates.push({ position, owner });
  }
  await insertItems(
    tx,
    claim.jobNo,
    duplicates.map(({ position, owner }) => ({
      ...claim.describeDuplicate(recordOf(position), owner),
      chunk: claim.number,
      position,
    })),
  );
  return duplicates;
}

/** Whether the chunk ends behind an unterminated record that the next chunk, planned since, reads whole. */
async function isReadAgain({ tx, before }: ClaimState): Promise<boolean> {
  if (before.next_cursor === before.to_cursor) return false;
  const next = await tx.all(`SELECT 1 FROM hf_chunk WHERE job_no = ? AND kind = ${RANGE} AND number = ? AND pass = ?`, [
    before.job_no,
    before.number + 1,
    before.pass,
  ]);
  return next.length > 0;
}

async function storeKeys({ tx, claim, job, before, settled, elsewhere }: ClaimState, all: Buffer): Promise<void> {
  const known = elsewhere.count();
  const tail = before.next_cursor !== before.to_cursor ? 1 : 0;
  await tx.run(
    `INSERT INTO hf_keys (job_no, chunk, pass, tail, reserve_no, hashes, elsewhere) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (job_no, chunk) DO UPDATE SET
       hashes = excluded.hashes, elsewhere = excluded.elsewhere, reserve_no = excluded.reserve_no`,
    [claim.jobNo, claim.number, before.pass, tail, job.reserved + 1, all, known === 0 ? null : elsewhere.toBytes()],
  );
  await tx.run('UPDATE hf_chunk SET settled = ?, read = ?, known = ? WHERE job_no = ? AND kind = ? AND number = ?', [
    settled.toBytes(),
    hashCount(all) - known,
    known,
    claim.jobNo,
    RANGE,
    claim.number,
  ]);
}
