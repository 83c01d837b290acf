import type { SqlValue, Transaction } from '../database/database.ts';
import { headBytes, tailBytes } from './key-bytes.ts';

/** Looked for only where there is a file: most results are in their rows. */
const FOLDER = `CASE WHEN hf_memo.folder_no IS NOT NULL THEN
  (SELECT path FROM hf_memo_folder WHERE hf_memo_folder.folder_no = hf_memo.folder_no) END AS folder`;

/** The columns of a `StoredRow`. */
export const STORED_COLUMNS = `hf_memo.entry_no, lower(hex(tail)) AS tail_hex, made_at, expires_at, invalidated_at, cost_ms, made_by, form, sealed, bytes,
  checksum, file, ${FOLDER}, value`;

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

const INSERT = `INSERT INTO hf_memo (${COLUMNS.join(', ')}) VALUES (${COLUMNS.map(() => '?').join(', ')})`;

/** Stores results, in place of what was stored under their keys. */
export async function writeEntries(tx: Transaction, entries: readonly NewEntry[]): Promise<void> {
  if (entries.length === 0) return;
  await tx.runMany(INSERT, entries.map(rowOf));
  const [row] = await tx.all<{ last: number }>('SELECT max(entry_no) AS last FROM hf_memo');
  const { last } = row as { last: number };
  await tx.run('INSERT INTO hf_memo_recent (first_no, keys) VALUES (?, ?)', [
    last - entries.length + 1,
    Buffer.concat(entries.map((entry) => headBytes(entry.hash))),
  ]);
}

function rowOf(entry: NewEntry): readonly SqlValue[] {
  return [
    headBytes(entry.hash),
    tailBytes(entry.hash),
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
