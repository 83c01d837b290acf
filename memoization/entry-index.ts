import type { Transaction } from '../database/database.ts';
import type { StoredRow } from './entry.ts';
import { STORED_COLUMNS } from './entry-rows.ts';
import { HEAD_DIGITS, headBytes, hexOf } from './key-bytes.ts';
import { selectMany } from './many.ts';
import { Recent } from './recent.ts';

const BY_NUMBER = `SELECT ${STORED_COLUMNS} FROM hf_memo WHERE entry_no IN (?)`;
const BY_KEY = `SELECT ${STORED_COLUMNS}
  FROM hf_memo_index CROSS JOIN hf_memo USING (entry_no) WHERE hf_memo_index.key IN (?)`;

/** Rows that were found for keys. Their first half was searched for, the other one tells whether they are what was meant. */
export class FoundRows {
  readonly #rows = new Map<string, StoredRow>();

  get size(): number {
    return this.#rows.size;
  }

  get(hash: string): StoredRow | undefined {
    return this.#rows.get(hash.slice(HEAD_DIGITS));
  }

  has(hash: string): boolean {
    return this.get(hash) !== undefined;
  }

  add(rows: readonly StoredRow[]): void {
    for (const row of rows) this.#rows.set(hexOf(row.tail), row);
  }
}

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

  /** The stored results of keys. */
  async read(tx: Transaction, hashes: readonly string[]): Promise<FoundRows> {
    const found = new FoundRows();
    if (hashes.length === 0) return found;
    const isCurrent = await this.#recent.sync(tx);
    const numbers: number[] = [];
    const settled: Uint8Array[] = [];
    for (const hash of hashes) {
      const entryNo = this.#recent.find(hash.slice(0, HEAD_DIGITS));
      if (entryNo !== undefined) numbers.push(entryNo);
      else if (isCurrent) settled.push(headBytes(hash));
    }
    found.add(await selectMany<StoredRow>(tx, { sql: BY_NUMBER, list: numbers }));
    found.add(await selectMany<StoredRow>(tx, { sql: BY_KEY, list: settled }));
    return found;
  }
}
