import type { Database } from '../database/database.ts';
import type { EntryIndex, FoundRows } from './entry-index.ts';

interface Asked {
  readonly hashes: readonly string[];
  readonly resolve: (rows: FoundRows) => void;
  readonly reject: (error: unknown) => void;
}

/** Reads entries for calls that share queries: those that come in one turn, or while a query runs. */
export class EntryReader {
  readonly #database: Database;
  readonly #index: EntryIndex;
  #next: Asked[] = [];
  #reading = false;

  constructor(database: Database, index: EntryIndex) {
    this.#database = database;
    this.#index = index;
  }

  read(hashes: readonly string[]): Promise<FoundRows> {
    return new Promise((resolve, reject) => {
      this.#next.push({ hashes, resolve, reject });
      if (this.#reading) return;
      this.#reading = true;
      queueMicrotask(() => void this.#readAll());
    });
  }

  async #readAll(): Promise<void> {
    while (this.#next.length > 0) {
      const asked = this.#next;
      this.#next = [];
      try {
        const hashes =
          asked.length === 1 ? (asked[0]?.hashes ?? []) : [...new Set(asked.flatMap((each) => each.hashes))];
        const rows = await this.#database.read((tx) => this.#index.read(tx, hashes));
        for (const each of asked) each.resolve(rows);
      } catch (error) {
        for (const each of asked) each.reject(error);
      }
    }
    this.#reading = false;
  }
}
