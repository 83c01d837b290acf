import type { Database, Transaction } from '../database/database.ts';
import { hexOf } from './key-bytes.ts';
import { changeMany, selectMany } from './many.ts';
import { eachKey } from './recent.ts';

/** Slices of the keys, by their first digit: a transaction each, so that nobody waits long for it. */
const SLICES = 16;

interface State {
  readonly last_batch: number;
  readonly slice: number;
}

/**
 * Moves the keys of recent commits into the index, one slice of them a call, in the order of the keys: what is written in one go
 * shares pages. Rows that were replaced are removed with it. Processes may take turns, and each may die at any time.
 *
 * @returns whether there is more to do
 */
export async function settleSlice(tx: Transaction): Promise<boolean> {
  const state = await begin(tx);
  if (state === null) return false;
  const { newest, over } = await readSlice(tx, state);
  const keys = [...newest.keys()].sort().map((head) => Buffer.from(head, 'hex'));
  const known = await selectMany<{ key: Uint8Array; entry_no: number }>(tx, {
    sql: 'SELECT key, entry_no FROM hf_memo_index WHERE key IN (?)',
    list: keys,
  });
  for (const row of known) if (newest.get(hexOf(row.key)) !== row.entry_no) over.push(row.entry_no);
  await changeMany(tx, { sql: 'DELETE FROM hf_memo WHERE entry_no IN (?)', list: over });
  await tx.runMany(
    'INSERT INTO hf_memo_index (key, entry_no) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET entry_no = excluded.entry_no',
    keys.map((key) => [key, newest.get(hexOf(key)) ?? 0]),
  );
  if (state.slice + 1 < SLICES) {
    await tx.run('UPDATE hf_memo_settle SET slice = slice + 1');
    return true;
  }
  await tx.run('DELETE FROM hf_memo_recent WHERE batch_no <= ?', [state.last_batch]);
  await tx.run('DELETE FROM hf_memo_settle');
  return false;
}

/** What is being settled, or is to be from now on; null where there is nothing. */
async function begin(tx: Transaction): Promise<State | null> {
  const [state] = await tx.all<State>('SELECT last_batch, slice FROM hf_memo_settle');
  if (state !== undefined) return state;
  const [row] = await tx.all<{ last: number | null }>('SELECT max(batch_no) AS last FROM hf_memo_recent');
  const last = row?.last ?? null;
  if (last === null) return null;
  await tx.run('INSERT INTO hf_memo_settle (one, last_batch, slice) VALUES (1, ?, 0)', [last]);
  return { last_batch: last, slice: 0 };
}

/** The newest row of each key of a slice, and the rows that it replaces. */
async function readSlice(tx: Transaction, state: State): Promise<{ newest: Map<string, number>; over: number[] }> {
  const newest = new Map<string, number>();
  const over: number[] = [];
  const isIn = (firstByte: number): boolean => firstByte >> 4 === state.slice;
  const batches = await tx.all<{ first_no: number; keys: Uint8Array }>(
    'SELECT first_no, keys FROM hf_memo_recent WHERE batch_no <= ? ORDER BY batch_no',
    [state.last_batch],
  );
  for (const batch of batches) {
    eachKey(batch, isIn, (head, entryNo) => {
      const before = newest.get(head);
      if (before !== undefined) over.push(before);
      newest.set(head, entryNo);
    });
  }
  return { newest, over };
}

/** Settles everything that is stored by now, so that there is one row a key and the index knows it. */
export async function settleAll(database: Database): Promise<void> {
  const hasBegun = await database.read(async (tx) => (await tx.all('SELECT 1 FROM hf_memo_settle')).length > 0);
  // What somebody began ends at an earlier commit.
  if (hasBegun) while (await database.write(settleSlice));
  const isSettled = await database.read(
    async (tx) => (await tx.all('SELECT 1 FROM hf_memo_recent LIMIT 1')).length === 0,
  );
  if (!isSettled) while (await database.write(settleSlice));
}
