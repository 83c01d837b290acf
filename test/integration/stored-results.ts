import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { DEFAULTS } from '../../definitions/limits.ts';
import type { Memoize } from '../../definitions/memoize.ts';
import { defineTask, taskSpecOf } from '../../definitions/task.ts';
import { thisMachine } from '../../ledger/machine.ts';
import { openStore } from '../../ledger/open-store.ts';
import type { Store } from '../../ledger/store.ts';
import { type Claim, isMemoTask, type Memoization, type MemoTask } from '../../memoization/memoization.ts';
import { openMemoization } from '../../memoization/open-memoization.ts';
import type { Project } from './harness.ts';

export interface Stored {
  readonly madeBy?: string;
  readonly costMs?: number;
  /** @default now */
  readonly at?: number;
}

/** A worker's memoization on the store of a project's home, as a real one has it: it lives for less than a lease. */
export class StoredResults implements AsyncDisposable {
  readonly #store: Store;
  readonly #memo: Memoization;
  readonly #clock: { at: number | null };
  readonly #owner: string;

  private constructor(parts: {
    readonly owner: string;
    readonly store: Store;
    readonly memo: Memoization;
    readonly clock: { at: number | null };
  }) {
    this.#store = parts.store;
    this.#memo = parts.memo;
    this.#clock = parts.clock;
    this.#owner = parts.owner;
  }

  static async open({ site: { home }, directory }: Project): Promise<StoredResults> {
    const store = await openStore({ home, directory });
    const clock = { at: null as number | null };
    const owner = `test-${process.pid}-${randomUUID()}`;
    const lease = { id: owner, host: thisMachine(), pid: process.pid, jobs: [], startedAt: Date.now() };
    await store.renewLease(lease, { now: Date.now(), leaseMs: DEFAULTS.leaseMs });
    const memo = await openMemoization({
      database: store.database,
      results: join(home, 'results'),
      directory,
      now: () => clock.at ?? Date.now(),
      seal: null,
      owner,
      livingOwners: async (owners) => new Set(owners),
      reach: () => undefined,
    });
    return new StoredResults({ store, memo, clock, owner });
  }

  /** Stores a result as a worker does that has computed it; resolves to its key. */
  async put(task: MemoTask, input: unknown, value: unknown, stored: Stored = {}): Promise<string> {
    this.#clock.at = stored.at ?? null;
    const claim = await this.claim(task, input);
    await this.#memo.complete({
      claim,
      value,
      input,
      costMs: stored.costMs ?? 1_000,
      madeBy: stored.madeBy ?? 'orders-1',
    });
    this.#clock.at = null;
    return claim.key.hash;
  }

  /** Begins to compute, and does not end. */
  async claim(task: MemoTask, input: unknown): Promise<Claim> {
    const answer = await this.#memo.claim(task, this.#memo.keyOf(task, input), { notBefore: null });
    if (answer.kind !== 'mine') throw new Error(`it is ${answer.kind}, not free to be computed`);
    return answer.claim;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#memo.close();
    await this.#store.endLease(this.#owner);
    await this.#store.database.close();
  }
}

/** A memoized task as a job's file defines it. */
export function memoTask(name: string, version: string, memoize: Memoize<unknown> = {}): MemoTask {
  const spec = taskSpecOf(defineTask({ name, version, run: () => null, memoize }));
  if (!isMemoTask(spec)) throw new Error(`${name} is not memoized`);
  return spec;
}
