import type { Transaction } from '../database/database.ts';
import { Bits } from './bits.ts';
import type { KeyFilter } from './key-filter.ts';
import { hashAt, hashCount, KEY_HASH_BYTES } from './key-hash.ts';

const ROWS_A_QUERY = 8;

/** Where a key was reserved first. */
export interface KeyOwner {
  readonly chunk: number;
  readonly position: number;
  readonly pass: number;
  /** The last record of a chunk that ended behind an unterminated record: it is read again, and known then. */
  readonly tail: boolean;
}

interface KeysRow {
  readonly chunk: number;
  readonly pass: number;
  readonly tail: number;
  readonly reserve_no: number;
  readonly hashes: Uint8Array;
  readonly elsewhere: Uint8Array | null;
}

export interface Reservation {
  readonly jobNo: number;
  readonly chunk: number;
  readonly hashes: Buffer;
  readonly filter: KeyFilter;
}

/**
 * Finds which of a chunk's keys belong to another position already. Must run in the claim's transaction, behind a write to
 * the job's row, so that no two chunks reserve at once.
 */
export async function findTakenKeys(
  tx: Transaction,
  { jobNo, chunk, hashes, filter }: Reservation,
): Promise<Map<number, KeyOwner>> {
  await catchUp(tx, jobNo, filter);
  const suspects = filter.addAndTest(hashes);
  const taken = new Map<number, KeyOwner>();
  if (suspects.length === 0) return taken;
  const open = new Map<string, number[]>();
  for (const position of suspects) {
    const hash = hashAt(hashes, position);
    const positions = open.get(hash);
    if (positions) positions.push(position);
    else open.set(hash, [position]);
  }
  await searchOthers(tx, { jobNo, chunk, open, taken });
  markOwnDoubles(hashes, { chunk, open, taken });
  return taken;
}

/** Where a key is reserved, other than at one place; null: nowhere. */
export async function findKeyOwner(
  tx: Transaction,
  but: { readonly jobNo: number; readonly chunk: number; readonly position: number },
  hash: Uint8Array,
): Promise<KeyOwner | null> {
  const taken = new Map<number, KeyOwner>();
  const open = new Map([[hashAt(Buffer.from(hash), 0), [0]]]);
  await searchOthers(tx, { jobNo: but.jobNo, chunk: null, but, open, taken });
  return taken.get(0) ?? null;
}

/** Reads what other processes (and earlier lives of this one) have reserved. */
export async function catchUp(tx: Transaction, jobNo: number, filter: KeyFilter): Promise<void> {
  for (;;) {
    const rows = await tx.all<{ reserve_no: number; hashes: Uint8Array }>(
      'SELECT reserve_no, hashes FROM hf_keys WHERE job_no = ? AND reserve_no > ? ORDER BY reserve_no LIMIT ?',
      [jobNo, filter.syncedTo, ROWS_A_QUERY],
    );
    for (const row of rows) {
      filter.addAndTest(row.hashes);
      filter.syncedTo = row.reserve_no;
    }
    if (rows.length < ROWS_A_QUERY) return;
  }
}

interface Search {
  readonly jobNo: number;
  /** The chunk that is left out; null: none. */
  readonly chunk: number | null;
  /** A place that is left out. */
  readonly but?: { readonly chunk: number; readonly position: number };
  /** Hash → positions of it in this chunk, for those not found yet. */
  readonly open: Map<string, number[]>;
  readonly taken: Map<number, KeyOwner>;
}

async function searchOthers(tx: Transaction, { jobNo, chunk, but, open, taken }: Search): Promise<void> {
  const heads = headsOf(open);
  // A source that is read again meets its keys in the same order, so that searching on from near this chunk's number
  // would help little: chunk sizes shift. Oldest first, and stop as soon as all are found.
  let after = 0;
  while (open.size > 0) {
    const rows = await tx.all<KeysRow>(
      `SELECT chunk, pass, tail, reserve_no, hashes, elsewhere FROM hf_keys
       WHERE job_no = ? AND reserve_no > ? AND chunk <> ? ORDER BY reserve_no LIMIT ?`,
      [jobNo, after, chunk ?? -1, ROWS_A_QUERY],
    );
    for (const row of rows) {
      after = row.reserve_no;
      const found = matchRow(row, heads, open);
      if (found.length === 0) continue;
      // A key that comes again never owns it: where its first place was given up, nobody does.
      const doubles = await doublesOf(tx, jobNo, row.chunk);
      const size = hashCount(row.hashes);
      for (const { hash, position } of found) {
        const own = but?.chunk === row.chunk && but.position === position;
        const mine = own || doubles.has(position) ? undefined : open.get(hash);
        const owner = { chunk: row.chunk, position, pass: row.pass, tail: row.tail === 1 && position === size - 1 };
        for (const index of mine ?? []) taken.set(index, owner);
        if (mine) open.delete(hash);
      }
    }
    if (rows.length < ROWS_A_QUERY) return;
  }
}

/** Bit set of the hashes' first 16 bits: rules out most hashes of other chunks in a few nanoseconds each. */
export function headsOf(open: ReadonlyMap<string, readonly number[]>): Uint8Array {
  const heads = new Uint8Array(65_536);
  for (const hash of open.keys()) heads[hash.charCodeAt(0) | (hash.charCodeAt(1) << 8)] = 1;
  return heads;
}

async function doublesOf(tx: Transaction, jobNo: number, chunk: number): Promise<ReadonlySet<number>> {
  const rows = await tx.all<{ position: number }>(
    "SELECT position FROM hf_item WHERE job_no = ? AND chunk = ? AND reason = 'duplicate'",
    [jobNo, chunk],
  );
  return new Set(rows.map((row) => row.position));
}

export function matchRow(
  row: Pick<KeysRow, 'hashes' | 'elsewhere'>,
  heads: Uint8Array,
  open: ReadonlyMap<string, readonly number[]>,
): { readonly hash: string; readonly position: number }[] {
  const { hashes } = row;
  const size = hashCount(hashes);
  const elsewhere = row.elsewhere && new Bits(row.elsewhere, size);
  const found: { hash: string; position: number }[] = [];
  for (let position = 0; position < size; position++) {
    const at = position * KEY_HASH_BYTES;
    if (!heads[(hashes[at] as number) | ((hashes[at + 1] as number) << 8)]) continue;
    const hash = hashAt(hashes, position);
    if (open.has(hash) && !elsewhere?.has(position)) found.push({ hash, position });
  }
  return found;
}

/** A key that comes twice within the chunk: the first position keeps it. */
function markOwnDoubles(
  hashes: Buffer,
  {
    chunk,
    open,
    taken,
  }: { readonly chunk: number; readonly open: Map<string, number[]>; readonly taken: Map<number, KeyOwner> },
): void {
  if (open.size === 0) return;
  const first = new Map<string, number>();
  for (let position = 0; position < hashCount(hashes); position++) {
    const hash = hashAt(hashes, position);
    if (!open.has(hash)) continue;
    const owner = first.get(hash);
    if (owner === undefined) first.set(hash, position);
    else taken.set(position, { chunk, position: owner, pass: Number.POSITIVE_INFINITY, tail: false });
  }
}
