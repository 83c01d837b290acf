import type { SqlValue } from '../database/database.ts';
import type { EntrySelection } from './entries.ts';
import { HEAD_DIGITS, hexOf } from './key-bytes.ts';

const HEX_DIGITS = 64;

/** A condition in SQL with its parameters. */
export interface Condition {
  readonly sql: string;
  readonly params: readonly SqlValue[];
}

/** The condition on `hf_memo` that a selection stands for once keys are settled, but for digits of a key beyond the indexed half: see `hasPrefix`. */
export function entriesWhere(selection: EntrySelection): Condition {
  return where(selection, {
    key: 'entry_no IN (SELECT entry_no FROM hf_memo_index WHERE key BETWEEN ? AND ?)',
    digits: HEAD_DIGITS,
    madeAt: 'made_at',
  });
}

/** The same on `hf_memo_claim`. */
export function claimsWhere(selection: EntrySelection): Condition {
  return where(selection, { key: 'key BETWEEN ? AND ?', digits: HEX_DIGITS, madeAt: 'claimed_at' });
}

interface Columns {
  /** The condition that a key is between two. */
  readonly key: string;
  readonly digits: number;
  readonly madeAt: string;
}

function where({ task, version, key, madeBefore }: EntrySelection, columns: Columns): Condition {
  const conditions = ['1'];
  const params: SqlValue[] = [];
  const add = (sql: string, ...values: readonly SqlValue[]): void => {
    conditions.push(sql);
    params.push(...values);
  };
  if (task !== undefined) add('task_no IN (SELECT task_no FROM hf_memo_task WHERE name = ?)', task);
  if (version !== undefined) add('task_no IN (SELECT task_no FROM hf_memo_task WHERE version = ?)', version);
  if (key !== undefined) {
    const { digits } = columns;
    const begin = key.toLowerCase().slice(0, digits);
    const bound = (fill: string) => Buffer.from(begin.padEnd(digits, fill), 'hex');
    // What is not hexadecimal begins no key.
    if (/^[0-9a-f]*$/.test(begin)) add(columns.key, bound('0'), bound('f'));
    else add('0');
  }
  if (madeBefore !== undefined) add(`${columns.madeAt} < ?`, madeBefore);
  return { sql: conditions.join(' AND '), params };
}

/** Whether an entry's key begins so. */
export function hasPrefix(row: { readonly key: Uint8Array; readonly tail: Uint8Array }, prefix: string): boolean {
  return (hexOf(row.key) + hexOf(row.tail)).startsWith(prefix.toLowerCase());
}
