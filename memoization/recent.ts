import type { Transaction } from '../database/database.ts';
import { HEAD_DIGITS, hexOf } from './key-bytes.ts';

/** Keys, and commits, after which settling begins: a page of the index takes about a hundred keys, of a million there are 10,000. */
const KEYS_MAX = 65_536;
const BATCHES_MAX = 4_096;

interface Batch {
  readonly batch_no: number;
  readonly first_no: number;
  readonly keys: Uint8Array;
}

/** What a transaction sees of the commits that are not settled yet. */
export interface Seen {
  /** Whether a key that is not here may be looked for in the index, as the transaction sees it. */
  readonly isCurrent: boolean;
  readonly first: number | null;
  readonly last: number | null;
  /** Of what is here, at that time. */
  readonly version: number;
}

/**
 * The keys of commits that are not settled yet, in memory. A transaction that fails after it was read here may have left keys that
 * never came to be: then all of them are forgotten, and read anew.
 *
 * A connection that looks at an older state of the database than another one may find here what it does not see yet, or no
 * longer find here what is settled: it sees no result then, and the claim that follows does.
 */
export class Recent {
  readonly #entries = new Map<string, number>();
  #batches: Batch[] = [];
  #last = 0;
  /** Commits before it were forgotten. */
  #first = 0;
  #version = 0;

  get isLarge(): boolean {
    return this.#entries.size >= KEYS_MAX || this.#batches.length >= BATCHES_MAX;
  }

  /** The row of a key, given by its first half in hexadecimal digits. */
  find(head: string): number | undefined {
    return this.#entries.get(head);
  }

  /** Changes when keys are forgotten. */
  get version(): number {
    return this.#version;
  }

  forget(): void {
    this.#version += 1;
    this.#entries.clear();
    this.#batches = [];
    this.#last = 0;
    this.#first = 0;
  }

  async sync(tx: Transaction): Promise<Seen> {
    const [bounds] = await tx.all<{ first: number | null; last: number | null }>(
      `SELECT (SELECT min(batch_no) FROM hf_memo_recent) AS first, (SELECT max(batch_no) FROM hf_memo_recent) AS last`,
    );
    const { first = null, last = null } = bounds ?? {};
    this.#drop(first ?? Number.POSITIVE_INFINITY);
    if (last !== null && last > this.#last) await this.#load(tx);
    // Of what was forgotten since, the index that this transaction sees may have older rows.
    return { isCurrent: first === null || first >= this.#first, first, last, version: this.#version };
  }

  async #load(tx: Transaction): Promise<void> {
    const after = this.#last;
    const batches = await tx.all<Batch>(
      'SELECT batch_no, first_no, keys FROM hf_memo_recent WHERE batch_no > ? ORDER BY batch_no',
      [after],
    );
    // All was forgotten meanwhile: what comes before these is to be read as well.
    if (this.#last < after) return;
    for (const batch of batches) {
      // Another transaction may have been quicker.
      if (batch.batch_no <= this.#last) continue;
      eachKey(batch, null, (head, entryNo) => this.#entries.set(head, entryNo));
      this.#batches.push(batch);
      this.#last = batch.batch_no;
    }
  }

  /** Forgets the commits before one: they are settled. */
  #drop(first: number): void {
    const [oldest] = this.#batches;
    if (oldest === undefined || oldest.batch_no >= first) return;
    this.#version += 1;
    this.#first = Math.min(first, this.#last + 1);
    const kept = this.#batches.findIndex((batch) => batch.batch_no >= first);
    const dropped = this.#batches.splice(0, kept === -1 ? this.#batches.length : kept);
    for (const batch of dropped) {
      eachKey(batch, null, (head, entryNo) => {
        // It may have been stored again since.
        if (this.#entries.get(head) === entryNo) this.#entries.delete(head);
      });
    }
  }
}

/** The keys of a commit with their rows, in order: all, or those of which the first byte is wanted. */
export function eachKey(
  { first_no: firstNo, keys }: Pick<Batch, 'first_no' | 'keys'>,
  isWanted: ((firstByte: number) => boolean) | null,
  visit: (head: string, entryNo: number) => void,
): void {
  const digits = hexOf(keys);
  const bytes = HEAD_DIGITS / 2;
  for (let n = 0; n * bytes < keys.length; n++) {
    if (isWanted !== null && !isWanted(keys[n * bytes] ?? 0)) continue;
    visit(digits.slice(n * HEAD_DIGITS, (n + 1) * HEAD_DIGITS), firstNo + n);
  }
}
