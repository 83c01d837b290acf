import type { Transaction } from '../database/database.ts';
import type { StoredRow } from './entry.ts';
import { STORED_COLUMNS } from './entry-rows.ts';
import { HEAD_DIGITS, hexOf, keyBytes } from './key-bytes.ts';
import { selectMany } from './many.ts';
import { Recent } from './recent.ts';

const BY_NUMBER = `SELECT ${STORED_COLUMNS} FROM hf_memo WHERE entry_no IN (?)`;
const BY_KEY = `SELECT ${STORED_COLUMNS.replace('key,', 'hf_memo.key,').replace('entry_no,', 'hf_memo.entry_no,')}
  FROM hf_memo_index CROSS JOIN hf_memo USING (entry_no) WHERE hf_memo_index.key IN (?)`;

/** Where the results of keys are, as one connection or several of a process see it. */
export class EntryIndex {
  readonly #recent = new Recent();

  /** Whether so many keys wait to be settled that it is worth while. */
  get isLarge(): boolean {
    return this.#recent.isLarge;
  }

  /** After a transaction that read here and failed. */
  forget(): void {
    this.#recent.forget();
  }

  /** The stored results of keys, by hash. */
  async read(tx: Transaction, hashes: readonly string[]): Promise<Map<string, StoredRow>> {
    const found = new Map<string, StoredRow>();
    if (hashes.length === 0) return found;
    const isCurrent = await this.#recent.sync(tx);
    const numbers: number[] = [];
    const settled: Uint8Array[] = [];
    for (const hash of hashes) {
      const entryNo = this.#recent.find(hash.slice(0, HEAD_DIGITS));
      if (entryNo !== undefined) numbers.push(entryNo);
      else if (isCurrent) settled.push(keyBytes(hash).head);
    }
    for (const row of await selectMany<StoredRow>(tx, { sql: BY_NUMBER, list: numbers })) add(found, row);
    for (const row of await selectMany<StoredRow>(tx, { sql: BY_KEY, list: settled })) add(found, row);
    return found;
  }
}

function add(found: Map<string, StoredRow>, row: StoredRow): void {
  found.set(hexOf(row.key) + hexOf(row.tail), row);
}
