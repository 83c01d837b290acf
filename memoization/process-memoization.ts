import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { HoldfastError } from '../definitions/errors.ts';
import { expiresAt } from '../definitions/memoize.ts';
import type { ClaimReply } from './claim-keys.ts';
import { isBefore, judge, type StoredRow } from './entry.ts';
import { EntryIndex } from './entry-index.ts';
import { EntryReader } from './entry-reader.ts';
import { type Frame, isWithin, waitsOf } from './frame.ts';
import { keyOf } from './key.ts';
import type { Lines } from './lines.ts';
import type {
  AskAgain,
  Claim,
  ClaimAnswer,
  ClaimOptions,
  Computed,
  Hit,
  LookupOptions,
  Memoization,
  MemoKey,
  MemoTask,
  RunOptions,
  RunOutcome,
  WaitOptions,
} from './memoization.ts';
import type { OpenForWork } from './open-memoization.ts';
import { OwnWaits } from './own-waits.ts';
import { Owners } from './owners.ts';
import { persist } from './persist.ts';
import { Results } from './results.ts';
import { MemoRun } from './run.ts';
import { StoreWriter } from './store-writer.ts';
import type { Wait } from './wait-rows.ts';
import { Watch } from './watch.ts';

/** A result as it is on its way into the store. */
export interface Prepared {
  readonly claim: Claim;
  readonly plain: Uint8Array;
  readonly expiresAt: number | null;
  readonly made: Omit<Hit, 'value'>;
  readonly again: AskAgain;
}

/** See {@link Memoization}. */
export class ProcessMemoization implements Memoization {
  readonly #options: OpenForWork;
  readonly #results: Results;
  readonly #reader: EntryReader;
  readonly #writer: StoreWriter;
  readonly #owners: Owners;
  readonly #watch: Watch;
  readonly #lines: Lines;
  readonly #waits = new OwnWaits();
  readonly #running = new AsyncLocalStorage<Frame>();
  readonly #frames = new WeakMap<Claim, Frame>();

  constructor(options: OpenForWork) {
    const { database, now } = options;
    this.#options = options;
    this.#results = new Results(options);
    const index = new EntryIndex();
    this.#reader = new EntryReader(database, index);
    this.#writer = new StoreWriter({ ...options, index });
    this.#owners = new Owners(options);
    this.#watch = new Watch({ database, index, now, results: this.#results, owners: this.#owners });
    this.#lines = this.#watch.lines;
  }

  keyOf(task: MemoTask, input: unknown): MemoKey {
    return keyOf(task, input, this.#options.seal !== null);
  }

  async lookup(task: MemoTask, keys: readonly MemoKey[], options: LookupOptions): Promise<readonly (Hit | null)[]> {
    if (keys.length === 0) return [];
    const hashes = keys.map((key) => key.hash);
    const rows = await this.#reader.read(hashes);
    const at = { now: this.#options.now(), notBefore: options.notBefore };
    const hits: (Hit | null)[] = [];
    for (const hash of hashes) {
      const row = rows.get(hash);
      const taken = row === undefined || judge(row, task, at).kind !== 'valid' ? null : this.#results.take(task, row);
      hits.push(taken instanceof Promise ? await taken : taken);
    }
    this.#options.reach('after-memo-lookup');
    return hits;
  }

  async claim(task: MemoTask, key: MemoKey, options: ClaimOptions): Promise<ClaimAnswer> {
    const enclosing = this.#enclosing(options.enclosing);
    const { hash } = key;
    if (isWithin(enclosing, hash)) throw new HoldfastError('HF_MEMO_CYCLE', { task: task.name });
    // A call that is part of no other can close no circle: what is computed here needs no word from the store.
    if (enclosing === null && this.#lines.isHeld(hash)) return { kind: 'busy', waits: [] };
    const waits = waitsOf(enclosing, hash);
    const request = { task, hash, notBefore: options.notBefore, waits };
    const deadTokens = new Set<string>();
    const deadOwners = new Set<string>();
    let damaged: StoredRow | null = null;
    let isWaiting = false;
    this.#waits.begin(waits);
    try {
      for (;;) {
        const token = randomUUID();
        const reply = await this.#writer.claim({ ...request, token, damaged, deadTokens, deadOwners });
        if (reply.kind === 'mine') return this.#hold({ task, key, token }, enclosing);
        if (reply.kind === 'entry') {
          const hit = await this.#results.take(task, reply.row);
          if (hit !== null) {
            this.#lines.pass(hash);
            return { kind: 'hit', hit };
          }
          damaged = reply.row;
          continue;
        }
        if (reply.kind === 'busy') this.#waits.written(waits);
        const dead = await this.#owners.dead(ownersOf(reply));
        if (dead.size === 0) {
          if (!this.#lines.isHeld(hash)) this.#lines.pass(hash);
          isWaiting = reply.kind === 'busy';
          return reply.kind === 'busy' ? { kind: 'busy', waits } : { kind: 'circle' };
        }
        for (const owner of dead) deadOwners.add(owner);
        if (reply.kind === 'busy') deadTokens.add(reply.holder.token);
      }
    } catch (error) {
      // What the store was asked may have come through.
      this.#waits.written(waits);
      throw error;
    } finally {
      if (!isWaiting) await this.#endWaits(waits);
    }
  }

  async #endWaits(waits: readonly Wait[]): Promise<void> {
    await this.#writer.endWaits(this.#waits.end(waits));
  }

  #hold(claim: Claim, parent: Frame | null): ClaimAnswer {
    this.#frames.set(claim, { hash: claim.key.hash, token: claim.token, parent, isOver: false });
    this.#lines.hold(claim.key.hash, claim.token);
    return { kind: 'mine', claim };
  }

  #enclosing(claim: Claim | null | undefined): Frame | null {
    if (claim === undefined) return this.#running.getStore() ?? null;
    return claim === null ? null : this.#frameOf(claim);
  }

  #frameOf(claim: Claim): Frame {
    return this.#frames.get(claim) ?? { hash: claim.key.hash, token: claim.token, parent: null, isOver: false };
  }

  async wait(task: MemoTask, key: MemoKey, options: WaitOptions): Promise<Hit | null> {
    try {
      return await this.#wait(task, key.hash, options);
    } finally {
      await this.#endWaits(options.waits ?? []);
    }
  }

  #wait(
    task: MemoTask,
    hash: string,
    { notBefore, signal, since = this.#options.now() }: WaitOptions,
  ): Promise<Hit | null> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const stop = () => signal.removeEventListener('abort', abort);
      const waiter = {
        task,
        notBefore,
        since,
        resolve: (hit: Hit | null) => {
          stop();
          resolve(hit);
        },
        reject: (error: unknown) => {
          stop();
          reject(error);
        },
      };
      const place = this.#lines.enter(hash, waiter);
      const abort = () => {
        place.leave();
        waiter.reject(signal.reason);
      };
      signal.addEventListener('abort', abort, { once: true });
    });
  }

  async complete(computed: Computed): Promise<void> {
    const prepared = await this.prepare(computed);
    await this.put(prepared);
  }

  /** What the user's own code has a part in. Releases the claim where it throws. */
  async prepare(computed: Computed): Promise<Prepared> {
    const { claim, value, input, costMs, madeBy, again = () => false } = computed;
    const madeAt = this.#options.now();
    this.#frameOf(claim).isOver = true;
    this.#options.reach('after-memo-compute');
    try {
      const { task } = claim;
      const encoded = this.#results.encode(task, value);
      const plain = encoded instanceof Promise ? await encoded : encoded;
      const end = expiresAt(task.memoize.expires, { result: value, input, at: madeAt, task: task.name });
      return { claim, plain, expiresAt: end, made: { costMs, madeAt, madeBy }, again };
    } catch (error) {
      await this.release(claim);
      throw error;
    }
  }

  /** What the store has a part in. Releases the claim where it throws. */
  async put(prepared: Prepared): Promise<void> {
    const { claim, plain, made, again } = prepared;
    try {
      const isCurrent = await persist(() => this.#store(prepared), again);
      if (isCurrent) this.#serve(claim, plain, made);
      this.#lines.free(claim.key.hash, claim.token);
    } catch (error) {
      await this.release(claim);
      throw error;
    }
  }

  /** Resolves to whether the claim was current. */
  async #store({ claim, plain, expiresAt, made }: Prepared): Promise<boolean> {
    const { task, key, token } = claim;
    const { hash } = key;
    const packed = await this.#results.pack(task, hash, plain);
    if (packed.file !== null) this.#options.reach('after-memo-file');
    return this.#writer.store({ ...packed, ...made, hash, expiresAt, parts: key.parts(), task, token });
  }

  /** Gives those who wait here a copy each. */
  #serve({ task, key }: Claim, plain: Uint8Array, made: Omit<Hit, 'value'>): void {
    for (const waiter of this.#lines.waitersOf(key.hash)) {
      if (isBefore(waiter.notBefore, made)) continue;
      const hit = this.#results.hitOf(waiter.task, { by: task, plain, made });
      if (hit !== null) this.#lines.serve(key.hash, waiter, hit);
    }
  }

  async release(claim: Claim): Promise<void> {
    const { hash } = claim.key;
    this.#frameOf(claim).isOver = true;
    const ended = this.#writer.end({ hash, token: claim.token });
    // The one that is told asks in the next transaction at the earliest: the claim is over by then.
    this.#lines.free(hash, claim.token);
    await ended;
  }

  within<T>(claim: Claim, run: () => T): T {
    return this.#running.run(this.#frameOf(claim), run);
  }

  run(task: MemoTask, input: unknown, compute: () => unknown, options: RunOptions): Promise<RunOutcome> {
    return new MemoRun(this, { task, input, compute, options, now: this.#options.now }).run(async (key) => {
      const parent = this.#running.getStore() ?? null;
      const frame = { hash: key.hash, token: null, parent, isOver: false };
      try {
        return await this.#running.run(frame, compute);
      } finally {
        frame.isOver = true;
      }
    });
  }

  async close(): Promise<void> {
    await this.#watch.close();
    this.#lines.rejectAll(new HoldfastError('HF_DATABASE_CLOSED', { database: this.#options.database.url }));
    for (const held of this.#lines.held()) {
      void this.#writer.end(held);
      this.#lines.free(held.hash, held.token);
    }
    await this.#writer.close();
  }
}

function ownersOf(reply: Extract<ClaimReply, { kind: 'busy' | 'circle' }>): Iterable<string> {
  return reply.kind === 'busy' ? [reply.holder.owner] : reply.owners;
}
