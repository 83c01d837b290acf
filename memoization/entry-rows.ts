import type { SqlValue, Transaction } from '../database/database.ts';
import type { StoredRow } from './entry.ts';
import { hexOf, keyBytes } from './key-bytes.ts';
import { selectMany } from './many.ts';

const BARE = `entry_no, key, tail, task_no, made_at, expires_at, invalidated_at, cost_ms, made_by, form, sealed, bytes,
  checksum, hf_memo.folder_no, file`;
/** A join only where there is a file: most results are in their rows. */
const FOLDER = '(SELECT path FROM hf_memo_folder WHERE hf_memo_folder.folder_no = hf_memo.folder_no) AS folder';

/** The columns of an `EntryRow`. */
export const ENTRY_COLUMNS = BARE;
/** The columns of a `StoredRow`. */
export const STORED_COLUMNS = `${BARE}, ${FOLDER}, value`;

/** The stored results of keys, by hash. In the order of the keys, because neighbours share pages. */
export async function readEntries(tx: Transaction, hashes: readonly string[]): Promise<Map<string, StoredRow>> {
  const found = new Map<string, StoredRow>();
  const rows = await selectMany<StoredRow>(tx, {
    sql: `SELECT ${STORED_COLUMNS} FROM hf_memo WHERE key IN (?)`,
    list: hashes.map((hash) => keyBytes(hash).head),
  });
  for (const row of rows) found.set(hexOf(row.key) + hexOf(row.tail), row);
  return found;
}

/** A result on its way into the store. */
export interface NewEntry {
  readonly hash: string;
  readonly taskNo: number;
  readonly madeAt: number;
  readonly expiresAt: number | null;
  readonly costMs: number;
  readonly madeBy: string;
  readonly form: number;
  readonly sealed: boolean;
  readonly bytes: number;
  readonly checksum: number | null;
  readonly folderNo: number | null;
  readonly file: Uint8Array | null;
  readonly parts: string;
  readonly value: Uint8Array | null;
}

const COLUMNS = [
  'key',
  'tail',
  'task_no',
  'made_at',
  'expires_at',
  'invalidated_at',
  'cost_ms',
  'made_by',
  'form',
  'sealed',
  'bytes',
  'checksum',
  'folder_no',
  'file',
  'parts',
  'value',
] as const;

const INSERT = `INSERT INTO hf_memo (${COLUMNS.join(', ')}) VALUES (${COLUMNS.map(() => '?').join(', ')})
  ON CONFLICT (key) DO UPDATE SET ${COLUMNS.slice(1)
    .map((column) => `${column} = excluded.${column}`)
    .join(', ')}`;

/** Stores results, in the order of their keys, in place of what was stored under them. */
export async function writeEntries(tx: Transaction, entries: readonly NewEntry[]): Promise<void> {
  const sorted = [...entries].sort((a, b) => (a.hash < b.hash ? -1 : 1));
  await tx.runMany(INSERT, sorted.map(rowOf));
}

function rowOf(entry: NewEntry): readonly SqlValue[] {
  const { head, tail } = keyBytes(entry.hash);
  return [
    head,
    tail,
    entry.taskNo,
    entry.madeAt,
    entry.expiresAt,
    null,
    entry.costMs,
    entry.madeBy,
    entry.form,
    entry.sealed ? 1 : 0,
    entry.bytes,
    entry.checksum,
    entry.folderNo,
    entry.file,
    entry.parts,
    entry.value,
  ];
}
