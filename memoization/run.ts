import { HoldfastError, isHoldfastError } from '../definitions/errors.ts';
import type { Claim, ClaimAnswer, Hit, MemoKey, MemoTask, RunOptions, RunOutcome, WaitOptions } from './memoization.ts';
import { persist } from './persist.ts';
import type { ProcessMemoization } from './process-memoization.ts';

export interface MemoRunOptions {
  readonly task: MemoTask;
  readonly input: unknown;
  readonly compute: () => unknown;
  readonly options: RunOptions;
  readonly now: () => number;
}

/** The store failed, and the task would rather run without it. */
class StoreFailed {
  readonly cause: unknown;

  constructor(cause: unknown) {
    this.cause = cause;
  }
}

/** One memoized call, the whole way. */
export class MemoRun {
  readonly #memoization: ProcessMemoization;
  readonly #call: MemoRunOptions;

  constructor(memoization: ProcessMemoization, call: MemoRunOptions) {
    this.#memoization = memoization;
    this.#call = call;
  }

  /** @param alone computes without a claim, so that calls within still know it */
  async run(alone: (key: MemoKey) => unknown): Promise<RunOutcome> {
    const { task, input, options } = this.#call;
    const key = this.#memoization.keyOf(task, input);
    try {
      const answer = await this.#ask(key, options);
      if (answer.kind === 'hit') return { value: answer.hit.value, hit: answer.hit };
      if (answer.kind === 'mine') return { value: await this.#compute(answer.claim), hit: null };
    } catch (error) {
      if (!(error instanceof StoreFailed)) throw error;
      if (task.memoize.onStoreError !== 'run') throw this.#blamed(error.cause);
    }
    return { value: await alone(key), hit: null };
  }

  /** A hit, a claim, or neither where waiting would close a circle. */
  async #ask(key: MemoKey, { notBefore }: RunOptions): Promise<Exclude<ClaimAnswer, { kind: 'busy' }>> {
    const { task, options } = this.#call;
    const [found] = await this.#store(() => this.#memoization.lookup(task, [key], { notBefore }));
    if (found) return { kind: 'hit', hit: found };
    const patience = new Patience(options, task.name);
    const since = this.#call.now();
    try {
      for (;;) {
        const answer = await this.#store(() => this.#memoization.claim(task, key, { notBefore }));
        if (answer.kind !== 'busy') return answer;
        const hit = await this.#wait(key, { since, signal: patience.begin(), waits: answer.waits });
        if (hit !== null) return { kind: 'hit', hit };
      }
    } finally {
      patience.end();
    }
  }

  async #wait(key: MemoKey, wait: Required<Pick<WaitOptions, 'since' | 'signal' | 'waits'>>): Promise<Hit | null> {
    const { task, options } = this.#call;
    try {
      return await this.#memoization.wait(task, key, { ...wait, notBefore: options.notBefore });
    } catch (error) {
      if (wait.signal.aborted) throw error;
      // The wait is over, whatever ended it: another one begins with a claim.
      if (this.#again(error)) return null;
      throw new StoreFailed(error);
    }
  }

  async #compute(claim: Claim): Promise<unknown> {
    const { task, input, compute, options } = this.#call;
    const { madeBy } = options;
    const started = performance.now();
    let value: unknown;
    try {
      value = await this.#memoization.within(claim, compute);
    } catch (error) {
      await this.#memoization.release(claim);
      throw error;
    }
    const costMs = performance.now() - started;
    const prepared = await this.#memoization.prepare({ claim, value, input, costMs, madeBy, again: this.#again });
    try {
      await this.#memoization.put(prepared);
    } catch (error) {
      // What is computed is as good without the store.
      if (task.memoize.onStoreError !== 'run') throw this.#blamed(error);
    }
    return value;
  }

  #blamed(error: unknown): unknown {
    this.#call.options.storeFailed?.(error);
    return error;
  }

  readonly #again = (error: unknown): boolean => {
    const { task, options } = this.#call;
    return task.memoize.onStoreError === 'fail' && options.again?.(error) === true;
  };

  async #store<T>(step: () => Promise<T>): Promise<T> {
    try {
      return await persist(step, this.#again);
    } catch (error) {
      throw isHoldfastError(error, 'HF_MEMO_CYCLE') ? error : new StoreFailed(error);
    }
  }
}

/** How long a call waits for others: until its own end, and no longer than it may. */
class Patience {
  readonly #options: RunOptions;
  readonly #task: string;
  #limit: AbortController | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: RunOptions, task: string) {
    this.#options = options;
    this.#task = task;
  }

  begin(): AbortSignal {
    const { waitMsMax, signal } = this.#options;
    if (waitMsMax === undefined) return signal;
    if (this.#limit === null) {
      const limit = new AbortController();
      this.#limit = limit;
      const task = this.#task;
      this.#timer = setTimeout(() => limit.abort(new HoldfastError('HF_MEMO_BUSY', { task })), waitMsMax);
    }
    return AbortSignal.any([signal, this.#limit.signal]);
  }

  end(): void {
    clearTimeout(this.#timer ?? undefined);
  }
}
