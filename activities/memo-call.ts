import type { TaskSpec } from '../definitions/task.ts';
import type { AskAgain, Claim, ClaimAnswer, MemoKey, MemoTask } from '../memoization/memoization.ts';
import { persist } from '../memoization/persist.ts';
import { isStoreFault } from '../memoization/store-fault.ts';
import { ABANDONED, type Call, type CallResult, startCall } from './call.ts';
import type { ItemWork } from './item-context.ts';
import type { JobSession } from './job-session.ts';
import { MemoTally, ONE_MISS, oneHit } from './memo-tally.ts';
import { whileLocked } from './through-locks.ts';

export interface MemoCallOptions {
  readonly session: JobSession;
  readonly work: ItemWork;
  readonly task: TaskSpec & MemoTask;
  /** As the task's schema gave it out. */
  readonly input: unknown;
  readonly key: MemoKey;
  /** The store cannot be used: nothing that an item is to blame for. */
  readonly fail: (error: unknown) => void;
}

/** A call of a memoized task: claims its key, computes, stores. The item's slot is free when the function has ended. */
export class MemoCall implements Call {
  readonly results: Promise<readonly CallResult[]>;
  readonly freed: Promise<void>;
  readonly timeoutMs: number | null;
  startedAt: number | null = null;
  readonly #options: MemoCallOptions;
  readonly #free: () => void;
  readonly #resolve: (results: readonly CallResult[]) => void;
  #claim: Claim | null = null;
  #inner: Call | null = null;
  #abort: { readonly reason: unknown } | null = null;
  #over = false;

  constructor(options: MemoCallOptions) {
    const results = Promise.withResolvers<readonly CallResult[]>();
    const freed = Promise.withResolvers<void>();
    this.#options = options;
    this.results = results.promise;
    this.freed = freed.promise;
    this.#free = freed.resolve;
    this.#resolve = results.resolve;
    this.timeoutMs = options.session.spec.timeoutMs;
    void this.#run().then(
      (result) => results.resolve([result]),
      (error) => results.resolve([{ kind: 'error', error }]),
    );
  }

  abort(reason: unknown): void {
    this.#abort = { reason };
    this.#inner?.abort(reason);
  }

  giveUp(result: CallResult): void {
    this.#over = true;
    this.#resolve([result]);
    void this.#release();
  }

  async #run(): Promise<CallResult> {
    const { session, task, key } = this.#options;
    let answer: ClaimAnswer;
    try {
      const notBefore = session.notBefore(task);
      answer = await persist(() => session.deps.memo.claim(task, key, { notBefore, enclosing: null }), this.#again);
    } catch (error) {
      if (task.memoize.onStoreError === 'fail') return this.#storeFailed(error);
      answer = { kind: 'circle' };
    }
    if (answer.kind === 'hit' || answer.kind === 'busy') {
      session.rate.giveBack(1);
      this.#free();
      return answer.kind === 'busy'
        ? { kind: 'busy' }
        : { kind: 'hit', value: answer.hit.value, memo: oneHit(answer.hit) };
    }
    this.#claim = answer.kind === 'mine' ? answer.claim : null;
    if (this.#over || this.#abort) {
      await this.#release();
      return ABANDONED;
    }
    return this.#compute();
  }

  async #compute(): Promise<CallResult> {
    const { session, work, input } = this.#options;
    const begun = performance.now();
    this.startedAt = begun;
    const start = () => startCall(session, [work], { checked: input });
    const started = this.#claim === null ? start() : session.deps.memo.within(this.#claim, start);
    if (started.kind === 'pending') this.#inner = started.call;
    if (this.#abort) this.#inner?.abort(this.#abort.reason);
    const results = started.kind === 'settled' ? started.results : await started.call.results;
    const result = results[0] ?? ABANDONED;
    // What follows is not the function's time.
    this.startedAt = null;
    this.#free();
    if (result.kind === 'value') return this.#store(result, performance.now() - begun);
    await this.#release();
    return result;
  }

  async #store(result: Extract<CallResult, { kind: 'value' }>, costMs: number): Promise<CallResult> {
    const { session, task, input } = this.#options;
    const claim = this.#claim;
    this.#claim = null;
    const memo = new MemoTally();
    memo.add(ONE_MISS);
    if (result.memo) memo.add(result.memo);
    try {
      const computed = claim && {
        claim,
        value: result.value,
        input,
        costMs,
        madeBy: session.job.job_id,
        again: this.#again,
      };
      if (computed) await session.deps.memo.complete(computed);
    } catch (error) {
      if (!isStoreFault(error)) return { kind: 'error', error, memo };
      if (task.memoize.onStoreError === 'fail') return this.#storeFailed(error);
      session.logOf({}).warn(`A result could not be stored: ${error}`);
    }
    return { ...result, memo };
  }

  /** A store that another program has locked is waited for, unless the task would rather do without. */
  get #again(): AskAgain {
    const { session, task } = this.#options;
    return task.memoize.onStoreError === 'run' ? () => false : whileLocked(session.deps);
  }

  /** No item is to blame: the attempt fails, and is made again. */
  #storeFailed(error: unknown): CallResult {
    this.#free();
    this.#options.fail(error);
    return ABANDONED;
  }

  async #release(): Promise<void> {
    const claim = this.#claim;
    this.#claim = null;
    if (claim !== null) await this.#options.session.deps.memo.release(claim);
  }
}
