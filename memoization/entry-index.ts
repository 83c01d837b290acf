import type { Transaction } from '../database/database.ts';
import type { StoredRow } from './entry.ts';
import { STORED_COLUMNS } from './entry-rows.ts';
import { HEAD_DIGITS, headBytes } from './key-bytes.ts';
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
    for (const row of rows) this.#rows.set(row.tail_hex, row);
  }
}

/** Keys that are remembered as missed until they are claimed. */
const MISSED_MAX = 50_000;

/** Where the results of keys are, as one connection or several of a process see it. */
export class EntryIndex {
  readonly #recent = new Recent();
  /** Keys that were looked for in vain, with the last commit that was seen then. */
  readonly #missed = new Map<string, number>();

  /** Whether so many keys wait to be settled that it is worth while. */
  get isLarge(): boolean {
    return this.#recent.isLarge;
  }

  /** After a transaction that read here and failed. */
  forget(): void {
    this.#recent.forget();
    this.#missed.clear();
  }

  /** The stored results of keys. */
  async read(tx: Transaction, hashes: readonly string[]): Promise<FoundRows> {
    const found = new FoundRows();
    if (hashes.length === 0) return found;
    const seen = await this.#recent.sync(tx);
    const numbers: number[] = [];
    const settled: Uint8Array[] = [];
    for (const hash of hashes) {
      const entryNo = this.#recent.find(hash.slice(0, HEAD_DIGITS));
      if (entryNo !== undefined) numbers.push(entryNo);
      else if (seen.isCurrent) settled.push(headBytes(hash));
    }
    const isExact = seen.isCurrent && seen.version === this.#recent.version;
    found.add(await selectMany<StoredRow>(tx, { sql: BY_NUMBER, list: numbers }));
    found.add(await selectMany<StoredRow>(tx, { sql: BY_KEY, list: settled }));
    if (isExact && seen.last !== null) this.#noteMissed(hashes, found, seen.last);
    return found;
  }

  /**
   * The same in a transaction that writes, without looking again for keys that were looked for in vain and cannot have been stored
   * since: no commit that came after is settled, and none of those has them. In a large index it is a third of what a claim costs.
   */
  async readForClaims(tx: Transaction, hashes: readonly string[]): Promise<FoundRows> {
    const { first } = await this.#recent.sync(tx);
    const unsure = hashes.filter((hash) => {
      const last = this.#missed.get(hash);
      this.#missed.delete(hash);
      const isAbsent = last !== undefined && first !== null && first <= last + 1;
      return !isAbsent || this.#recent.find(hash.slice(0, HEAD_DIGITS)) !== undefined;
    });
    return this.read(tx, unsure);
  }

  #noteMissed(hashes: readonly string[], found: FoundRows, last: number): void {
    if (found.size === hashes.length) return;
    if (this.#missed.size + hashes.length > MISSED_MAX) this.#missed.clear();
    for (const hash of hashes) if (!found.has(hash)) this.#missed.set(hash, last);
  }
}
