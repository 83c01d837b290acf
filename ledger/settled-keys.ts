import { Bits } from './bits.ts';
import { KeyFilter } from './key-filter.ts';
import { hashAt, hashCount } from './key-hash.ts';
import type { Ledger } from './ledger.ts';
import { catchUp, headsOf, matchRow } from './reserve-keys.ts';
import { type ItemState, type JobRow, RANGE } from './rows.ts';

const ROWS_A_QUERY = 4;

/** What a generation knows of a key: nothing that keeps it from running, or that it landed, waits, or was set aside. */
export type KeyState = 'open' | 'landed' | ItemState;

interface ChunkKeys {
  readonly chunk: number;
  readonly hashes: Uint8Array;
  readonly elsewhere: Uint8Array | null;
  readonly settled: Uint8Array | null;
}

/**
 * Tells for keys in any order what became of them in a generation, in memory that does not grow with their number: a filter
 * says which may be known at all, and those are searched for from where the ones before were found, for a source is mostly
 * read in the ledger's own order.
 */
export class SettledKeys {
  readonly #ledger: Ledger;
  readonly #jobNo: number;
  readonly #filter = new KeyFilter();
  #near = 0;

  private constructor(ledger: Ledger, jobNo: number) {
    this.#ledger = ledger;
    this.#jobNo = jobNo;
  }

  static async open(ledger: Ledger, job: Pick<JobRow, 'job_no'>): Promise<SettledKeys> {
    const keys = new SettledKeys(ledger, job.job_no);
    await ledger.read((tx) => catchUp(tx, job.job_no, keys.#filter));
    return keys;
  }

  /** One state a hash, in order. */
  async statesOf(hashes: Buffer): Promise<readonly KeyState[]> {
    const states: KeyState[] = new Array(hashCount(hashes)).fill('open');
    const open = new Map<string, number[]>();
    for (const position of this.#filter.addAndTest(hashes)) {
      const hash = hashAt(hashes, position);
      const positions = open.get(hash);
      if (positions) positions.push(position);
      else open.set(hash, [position]);
    }
    if (open.size === 0) return states;
    const search = { open, heads: headsOf(open), states };
    const start = this.#near;
    await this.#search(search, start, Number.MAX_SAFE_INTEGER);
    if (open.size > 0) await this.#search(search, 0, start);
    return states;
  }

  /** Goes through the chunks [from, to), until everything is found. */
  async #search(search: Search, from: number, to: number): Promise<void> {
    for (let next = from; search.open.size > 0; ) {
      const rows = await this.#ledger.read((tx) =>
        tx.all<ChunkKeys>(
          `SELECT k.chunk, k.hashes, k.elsewhere, c.settled FROM hf_keys AS k
             JOIN hf_chunk AS c ON c.job_no = k.job_no AND c.kind = ${RANGE} AND c.number = k.chunk
           WHERE k.job_no = ? AND k.chunk >= ? AND k.chunk < ? ORDER BY k.chunk LIMIT ?`,
          [this.#jobNo, next, to, ROWS_A_QUERY],
        ),
      );
      for (const row of rows) {
        next = row.chunk + 1;
        const found = matchRow(row, search.heads, search.open);
        if (found.length === 0) continue;
        this.#near = row.chunk;
        await this.#take(search, row, found);
      }
      if (rows.length < ROWS_A_QUERY) return;
    }
  }

  async #take({ open, states }: Search, row: ChunkKeys, found: ReturnType<typeof matchRow>): Promise<void> {
    const settled = new Bits(row.settled, hashCount(row.hashes));
    const items = await this.#itemsOf(row.chunk);
    for (const { hash, position } of found) {
      const item = items.get(position);
      // A record whose key is another's: that one, somewhere else, decides.
      if (item?.reason === 'duplicate') continue;
      const state = item?.state ?? (settled.has(position) ? 'landed' : 'open');
      for (const index of open.get(hash) ?? []) states[index] = state;
      open.delete(hash);
    }
  }

  async #itemsOf(chunk: number): Promise<ReadonlyMap<number, { readonly state: ItemState; readonly reason: string }>> {
    const rows = await this.#ledger.read((tx) =>
      tx.all<{ position: number; state: ItemState; reason: string }>(
        'SELECT position, state, reason FROM hf_item WHERE job_no = ? AND chunk = ?',
        [this.#jobNo, chunk],
      ),
    );
    return new Map(rows.map(({ position, ...item }) => [position, item]));
  }
}

interface Search {
  /** Hash → positions of it, for those not found yet. */
  readonly open: Map<string, number[]>;
  readonly heads: Uint8Array;
  readonly states: KeyState[];
}
