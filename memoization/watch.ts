import type { Database } from '../database/database.ts';
import { type ClaimRow, readClaims } from './claim-rows.ts';
import { judge, type StoredRow } from './entry.ts';
import type { EntryIndex } from './entry-index.ts';
import { Lines, type Waiter } from './lines.ts';
import type { Owners } from './owners.ts';
import type { Results } from './results.ts';

const FIRST_MS = 20;
const LONGEST_MS = 250;
const FACTOR = 1.5;

export interface WatchOptions {
  readonly database: Database;
  readonly index: EntryIndex;
  readonly results: Results;
  readonly owners: Owners;
  readonly now: () => number;
}

/** Looks, for all keys together, whether other processes have stored what is waited for here, or have given it up. */
export class Watch {
  readonly lines = new Lines(() => this.#begin());
  readonly #options: WatchOptions;
  #timer: NodeJS.Timeout | null = null;
  #pauseMs = FIRST_MS;
  #looking: Promise<void> | null = null;
  #closed = false;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer ?? undefined);
    await this.#looking;
  }

  /** A new key is looked for soon; the others with it. */
  #begin(): void {
    this.#pauseMs = FIRST_MS;
    if (this.#timer === null && this.#looking === null) this.#sleep();
  }

  #sleep(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#looking = this.#look().finally(() => {
        this.#looking = null;
        if (this.lines.watched().length > 0) this.#sleep();
      });
    }, this.#pauseMs);
    this.#pauseMs = Math.min(LONGEST_MS, this.#pauseMs * FACTOR);
  }

  async #look(): Promise<void> {
    const hashes = this.lines.watched();
    if (hashes.length === 0) return;
    try {
      const { entries, claims } = await this.#options.database.read(async (tx) => ({
        entries: await this.#options.index.read(tx, hashes),
        claims: await readClaims(tx, hashes),
      }));
      const dead = await this.#options.owners.dead([...claims.values()].map((claim) => claim.owner));
      for (const hash of hashes) await this.#settle(hash, entries.get(hash), claims.get(hash), dead);
    } catch (error) {
      this.lines.rejectAll(error, hashes);
    }
  }

  async #settle(
    hash: string,
    entry: StoredRow | undefined,
    claim: ClaimRow | undefined,
    dead: ReadonlySet<string>,
  ): Promise<void> {
    if (entry !== undefined) {
      for (const waiter of this.lines.waitersOf(hash)) {
        if (!this.#suits(entry, waiter)) continue;
        const hit = await this.#options.results.take(waiter.task, entry);
        if (hit === null) break;
        this.lines.serve(hash, waiter, hit);
      }
    }
    if (claim === undefined || dead.has(claim.owner)) this.lines.wakeOne(hash);
  }

  /** Valid, or stored since the wait began: what ends at once would never come to those who wait. */
  #suits(entry: StoredRow, waiter: Waiter): boolean {
    const judged = judge(entry, waiter.task, { now: this.#options.now(), notBefore: waiter.notBefore });
    return judged.kind === 'valid' || (judged.kind === 'expired' && entry.made_at >= waiter.since);
  }
}
