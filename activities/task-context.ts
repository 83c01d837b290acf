import type { Logger } from '../definitions/context.ts';
import { HoldfastError } from '../definitions/errors.ts';
import type { TaskSpec } from '../definitions/task.ts';
import type { Tx } from '../definitions/tx.ts';
import { encodeValue } from '../definitions/values.ts';
import type { TaskCalls } from '../ledger/task-calls.ts';
import type { Seal } from '../memoization/memoization.ts';
import { AttemptEffects } from './attempt-effects.ts';
import type { NestedContext } from './caller.ts';
import type { Dependencies } from './dependencies.ts';
import { logWith } from './log-with.ts';
import { RunningSteps } from './running-steps.ts';
import { sealText, unsealText } from './sealed-text.ts';
import type { TaskAttempt } from './task-attempt.ts';
import { textOfThrown } from './thrown.ts';

interface TaskCallParts {
  readonly deps: Dependencies;
  readonly calls: TaskCalls;
  readonly attempt: TaskAttempt;
  /** What recorded steps go through. */
  readonly seal: Seal | null;
}

/** What an attempt and the tasks within it share. */
export class TaskCall {
  readonly attempt: TaskAttempt;
  readonly effects: AttemptEffects;
  readonly steps = new RunningSteps();
  readonly log: Logger;
  /** Whether there may be records of it to forget. */
  isRecorded: boolean;
  readonly #parts: TaskCallParts;
  #fault: { readonly error: unknown } | null = null;

  constructor(parts: TaskCallParts, task: TaskSpec) {
    this.#parts = parts;
    this.attempt = parts.attempt;
    this.isRecorded = !parts.attempt.isFirst;
    this.effects = new AttemptEffects(parts.deps.transactions, ['task', parts.attempt.scope]);
    this.log = logWith(parts.deps.log, {
      task: task.name,
      call: parts.attempt.madeBy,
      attempt: parts.attempt.failures + 1,
    });
  }

  /** What the store failed with, if it did: no fault of the task's. */
  get fault(): { readonly error: unknown } | null {
    return this.#fault;
  }

  storeFailed(error: unknown): void {
    this.#fault ??= { error };
  }

  get deps(): Dependencies {
    return this.#parts.deps;
  }

  /** What a step gave, as an encoded value; null where it has not been recorded. */
  async step(name: string): Promise<string | null> {
    const { calls, attempt } = this.#parts;
    const stored = await calls.step(attempt.scope, name);
    return stored === null ? null : this.#opened(name, stored);
  }

  /** What is recorded from now on: the value, unless another attempt was first. */
  async recordStep(name: string, value: string): Promise<string> {
    const { calls, seal, attempt } = this.#parts;
    this.isRecorded = true;
    const sealed = await sealText(seal, value);
    const stored = await calls.recordStep(attempt.scope, name, sealed);
    return stored === sealed ? value : this.#opened(name, stored);
  }

  async #opened(name: string, stored: string): Promise<string> {
    try {
      return await unsealText(this.#parts.seal, stored);
    } catch (cause) {
      throw new HoldfastError('HF_STEP_UNREADABLE', { step: name, reason: textOfThrown(cause) }, { cause });
    }
  }
}

/** `ctx` of a task in a user's workflow, and of the tasks that it calls. */
export class TaskCallContext implements NestedContext {
  readonly jobId = '';
  readonly itemKey = '';
  readonly params = Object.freeze({});
  readonly #call: TaskCall;
  readonly #task: TaskSpec;
  readonly #within: TaskCallContext | null;
  /** Before the names of recorded steps: tells those of a task within from the task's own. */
  readonly #steps: string;
  readonly #controller = new AbortController();
  #isOver = false;

  constructor(
    call: TaskCall,
    task: TaskSpec,
    { within, steps }: { readonly within: TaskCallContext | null; readonly steps: string } = {
      within: null,
      steps: '',
    },
  ) {
    this.#call = call;
    this.#task = task;
    this.#within = within;
    this.#steps = steps;
  }

  nested(task: TaskSpec, steps: string): TaskCallContext {
    return new TaskCallContext(this.#call, task, { within: this, steps: this.#steps + steps });
  }

  get signal(): AbortSignal {
    const own = this.#controller.signal;
    return this.#within === null ? own : AbortSignal.any([own, this.#within.signal]);
  }

  get attempt(): number {
    return this.#call.attempt.failures + 1;
  }

  get idempotencyKey(): string {
    return this.#call.attempt.idempotencyKey;
  }

  get log(): Logger {
    return this.#call.log;
  }

  once<T>(name: string, fn: () => T | PromiseLike<T>): Promise<T> {
    return this.#call.steps.once({
      name,
      prefix: this.#steps,
      log: () => this.log,
      begin: () => this.#assertNotOver('once'),
      take: async (step) => {
        const known = await this.#store(this.#call.step(step));
        if (known !== null) return known;
        const made = encodeValue(await fn());
        return this.#store(this.#call.recordStep(step, made));
      },
    });
  }

  async transaction<T>(url: string, fn: (tx: Tx) => T | PromiseLike<T>): Promise<T> {
    const memoized = this.#memoized();
    if (memoized) throw new HoldfastError('HF_TRANSACTION_MEMOIZED', { task: memoized.name });
    this.#assertNotOver('transaction');
    return this.#call.effects.run(url, this.#steps, fn);
  }

  abort(reason: unknown): void {
    this.end();
    this.#controller.abort(reason);
  }

  end(): void {
    this.#isOver = true;
  }

  get isOver(): boolean {
    return this.#isOver || this.#within?.isOver === true;
  }

  /** Whatever the function makes of the store's trouble, it is not the function's. */
  async #store<V>(asked: Promise<V>): Promise<V> {
    try {
      return await asked;
    } catch (error) {
      this.#call.storeFailed(error);
      throw error;
    }
  }

  /** The memoized task that this runs in, if any. */
  #memoized(): TaskSpec | null {
    if (this.#task.memoize) return this.#task;
    return this.#within === null ? null : this.#within.#memoized();
  }

  #assertNotOver(method: string): void {
    if (this.isOver) throw new HoldfastError('HF_ATTEMPT_OVER', { what: `task ${this.#task.name}`, method });
  }
}
