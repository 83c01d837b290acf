import type { GoodRecord } from '../activities/range-records.ts';
import { checkInput, type TaskSpec } from '../definitions/task.ts';
import { KeyFilter } from '../ledger/key-filter.ts';
import { KEY_HASH_BYTES } from '../ledger/key-hash.ts';
import type { CostRange, MemoEntries, MissReason } from '../memoization/entries.ts';
import { keyOf } from '../memoization/key.ts';
import type { MemoKey, MemoTask } from '../memoization/memoization.ts';

/** Why an input must be computed. `part` is never told: it would cost a search each. */
export type PlannedReason = Exclude<MissReason['kind'], 'part'> | 'refresh';

export interface MemoCounts {
  readonly task: string;
  readonly version: string;
  /** Stored results that would be taken. */
  readonly hits: number;
  /** Inputs that must be computed. */
  readonly misses: number;
  /** Items whose input another one before them has: they take its result. */
  readonly repeated: number;
  /** Inputs that the task's schema refuses, or that have no key. */
  readonly refused: number;
  /** Of the misses. */
  readonly reasons: Readonly<Record<PlannedReason, number>>;
  /** Of what is computed anew for its version: the versions there are, a few of them. */
  readonly otherVersions: readonly string[];
  /** The first input that was refused, as its try would fail. */
  readonly refusal: string | null;
  readonly costs: CostRange | null;
}

const KEYS_A_QUERY = 500;
const VERSIONS_MAX = 3;

/** Tells which items of a memoized task would take a stored result, and why the others would not. Calls nothing but what makes the key. */
export class MemoPlan {
  readonly #task: TaskSpec & MemoTask;
  readonly #inputOf: ((item: unknown) => unknown) | null;
  readonly #entries: MemoEntries | null;
  readonly #refresh: boolean;
  readonly #computed = new SeenKeys();
  readonly #reasons: Record<PlannedReason, number> = {
    never: 0,
    expired: 0,
    version: 0,
    invalidated: 0,
    damaged: 0,
    running: 0,
    refresh: 0,
  };
  readonly #versions = new Set<string>();
  #hits = 0;
  #misses = 0;
  #repeated = 0;
  #refused = 0;
  #refusal: string | null = null;

  constructor(options: {
    readonly task: TaskSpec & MemoTask;
    readonly inputOf: ((item: unknown) => unknown) | null;
    readonly entries: MemoEntries | null;
    /** Whether a run takes no result that is older than it. */
    readonly refresh: boolean;
  }) {
    this.#task = options.task;
    this.#inputOf = options.inputOf;
    this.#entries = options.entries;
    this.#refresh = options.refresh || options.task.memoize.refresh;
  }

  async take(records: readonly GoodRecord[]): Promise<void> {
    const keys: MemoKey[] = [];
    for (const record of records) {
      const key = await this.#keyOf(record);
      if (key) keys.push(key);
      if (keys.length === KEYS_A_QUERY) await this.#look(keys.splice(0));
    }
    if (keys.length > 0) await this.#look(keys);
  }

  async counts(): Promise<MemoCounts> {
    const { name, version } = this.#task;
    return {
      task: name,
      version,
      hits: this.#hits,
      misses: this.#misses,
      repeated: this.#repeated,
      refused: this.#refused,
      reasons: this.#reasons,
      otherVersions: [...this.#versions],
      refusal: this.#refusal,
      costs: (await this.#entries?.costsOf({ name })) ?? null,
    };
  }

  /** What the job's `input`, the schema or the key throw is what the item's tries will fail with. */
  async #keyOf({ item }: GoodRecord): Promise<MemoKey | null> {
    try {
      const given = this.#inputOf ? this.#inputOf(item) : item;
      // No promise where there is no schema: a million items would make a million.
      const input = this.#task.schema === null ? given : await checkInput(this.#task, given);
      return keyOf(this.#task, input, false);
    } catch (error) {
      this.#refused++;
      this.#refusal ??= error instanceof Error ? error.message : String(error);
      return null;
    }
  }

  async #look(keys: readonly MemoKey[]): Promise<void> {
    const reasons = await this.#reasonsOf(keys);
    const missing = keys.filter((_, index) => reasons[index] !== null);
    const told = reasons.filter((reason) => reason !== null);
    const again = this.#computed.addAndTest(missing);
    this.#hits += keys.length - missing.length;
    for (const [index, reason] of told.entries()) {
      if (again.has(index)) {
        this.#repeated++;
        continue;
      }
      this.#misses++;
      this.#reasons[reason.kind === 'part' ? 'never' : reason.kind]++;
      if (reason.kind === 'version' && this.#versions.size < VERSIONS_MAX) this.#versions.add(reason.from);
    }
  }

  async #reasonsOf(keys: readonly MemoKey[]): Promise<readonly (MissReason | { readonly kind: 'refresh' } | null)[]> {
    if (this.#refresh) return keys.map(() => ({ kind: 'refresh' }));
    if (this.#entries === null) return keys.map(() => ({ kind: 'never' }));
    return this.#entries.reasonsOf(this.#task, keys);
  }
}

/**
 * Keys that came before, in memory that hardly grows. One filter forgets none and takes one in 100,000 others for seen; two, on
 * the two halves of a key, one in ten billion.
 */
class SeenKeys {
  readonly #halves = [new KeyFilter(), new KeyFilter()] as const;

  /** Adds all keys and returns the positions of those that were there. */
  addAndTest(keys: readonly MemoKey[]): ReadonlySet<number> {
    const [first, second] = this.#halves.map((filter, half) => {
      const hashes = Buffer.alloc(keys.length * KEY_HASH_BYTES);
      for (const [index, { hash }] of keys.entries()) {
        const digits = hash.slice(half * 2 * KEY_HASH_BYTES, (half + 1) * 2 * KEY_HASH_BYTES);
        hashes.write(digits, index * KEY_HASH_BYTES, 'hex');
      }
      return new Set(filter.addAndTest(hashes));
    });
    return new Set([...(first ?? [])].filter((position) => second?.has(position)));
  }
}
