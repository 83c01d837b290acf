import { stat } from 'node:fs/promises';
import type { EntryView } from './entries.ts';
import { type EntryRow, judge, type StoredRow } from './entry.ts';
import { hexOf } from './key-bytes.ts';
import type { Parts } from './parts.ts';
import { resultPath } from './result-files.ts';
import { storedBytes } from './results.ts';

/** A stored row with the names of its task. */
export interface ListedRow extends EntryRow, StoredRow {
  readonly task: string;
  readonly version: string;
  readonly parts: string;
}

export interface ViewOptions {
  readonly now: number;
  /** Whether results are read to see whether they are damaged; else files are only looked at. */
  readonly thorough: boolean;
}

export async function viewEntry(row: ListedRow, options: ViewOptions): Promise<EntryView> {
  const judged = judge(row, null, { now: options.now, notBefore: null }).kind;
  const isWhole = judged !== 'valid' || (await isIntact(row, options.thorough));
  return {
    key: hexOf(row.key) + hexOf(row.tail),
    task: row.task,
    version: row.version,
    parts: partsOf(row.parts),
    state: judged === 'valid' || judged === 'before' ? (isWhole ? 'valid' : 'damaged') : judged,
    madeAt: row.made_at,
    madeBy: row.made_by,
    expiresAt: row.expires_at,
    invalidatedAt: row.invalidated_at,
    costMs: row.cost_ms,
    bytes: row.bytes,
    file: fileOf(row),
    sealed: row.sealed !== 0,
  };
}

/** Whether the result is there: read and checked if thorough, else whether its file has the right length. */
export async function isIntact(row: StoredRow, thorough: boolean): Promise<boolean> {
  if (thorough || row.file === null) return (await storedBytes(row)) !== null;
  const file = await stat(fileOf(row) ?? '').catch(() => null);
  return file?.size === row.bytes;
}

export function fileOf(row: StoredRow): string | null {
  return row.file === null || row.folder === null ? null : resultPath(row.folder, hexOf(row.file));
}

/** The parts of a key as they were stored; none where they cannot be read. */
export function partsOf(text: string): Parts {
  try {
    return JSON.parse(text) as Parts;
  } catch {
    return {};
  }
}
