import type { BatchContext, ItemContext, Logger } from '../definitions/context.ts';
import { HoldfastError } from '../definitions/errors.ts';
import type { TaskSpec } from '../definitions/task.ts';
import type { Tx } from '../definitions/tx.ts';
import { encodeValue } from '../definitions/values.ts';
import { AttemptEffects } from './attempt-effects.ts';
import type { JobSession } from './job-session.ts';
import { RunningSteps } from './running-steps.ts';

const SELECT_STEP = 'SELECT value FROM hf_once WHERE job_no = ? AND item_key = ? AND name = ?';

/** An item on its way through the user's function. */
export interface ItemWork {
  readonly item: unknown;
  readonly key: string;
  /** Calls before this one that failed. */
  readonly attempts: number;
}

interface Nesting {
  /** The function that calls it; null: it is the item's own. */
  readonly within: CallContext | null;
  readonly steps: string;
  readonly task: TaskSpec | null;
}

/**
 * `ctx` of one call. A class with getters: an AbortController an item costs more than a cheap function, so that it is made
 * only where the function looks at the signal or has to be stopped.
 */
export class CallContext implements ItemContext {
  readonly #session: JobSession;
  readonly #work: ItemWork;
  #controller: AbortController | null = null;
  #abortReason: unknown = null;
  #isOver = false;
  readonly #within: CallContext | null;
  /** Before the names of recorded steps: tells those of a task within the function from the function's own. */
  readonly #steps: string;
  readonly #task: TaskSpec | null;
  #effects: AttemptEffects | null = null;
  #running: RunningSteps | null = null;

  constructor(
    session: JobSession,
    work: ItemWork,
    { within, steps, task }: Nesting = { within: null, steps: '', task: taskOf(session) },
  ) {
    this.#session = session;
    this.#work = work;
    this.#within = within;
    this.#steps = steps;
    this.#task = task;
  }

  /** Of a task that the function calls: stopped when the function is. */
  nested(task: TaskSpec, steps: string): CallContext {
    return new CallContext(this.#session, this.#work, { within: this, steps: this.#steps + steps, task });
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#abortReason) this.#controller.abort(this.#abortReason);
    }
    const own = this.#controller.signal;
    return this.#within === null ? own : AbortSignal.any([own, this.#within.signal]);
  }

  get attempt(): number {
    return this.#work.attempts + 1;
  }

  get idempotencyKey(): string {
    return this.#session.idempotencyKeyOf(this.#work);
  }

  get jobId(): string {
    return this.#session.job.job_id;
  }

  get itemKey(): string {
    return this.#work.key;
  }

  get params(): unknown {
    return this.#session.params;
  }

  get log(): Logger {
    return this.#session.logOf({ item: this.#work.key, attempt: this.attempt });
  }

  once<T>(name: string, fn: () => T | PromiseLike<T>): Promise<T> {
    return this.#runningSteps().once({
      name,
      prefix: this.#steps,
      log: () => this.log,
      begin: () => this.#assertNotOver('once'),
      take: (step) => this.#takeStep(step, fn),
    });
  }

  async transaction<T>(url: string, fn: (tx: Tx) => T | PromiseLike<T>): Promise<T> {
    const memoized = this.#memoized();
    if (memoized) throw new HoldfastError('HF_TRANSACTION_MEMOIZED', { task: memoized.name });
    this.#assertNotOver('transaction');
    return this.#attemptEffects().run(url, this.#steps, fn);
  }

  /** The memoized task that this runs in, if any. */
  #memoized(): TaskSpec | null {
    if (this.#task?.memoize) return this.#task;
    return this.#within === null ? null : this.#within.#memoized();
  }

  #attemptEffects(): AttemptEffects {
    if (this.#within) return this.#within.#attemptEffects();
    const { job, deps } = this.#session;
    this.#effects ??= new AttemptEffects(deps.transactions, ['item', job.job_id, job.generation, this.#work.key]);
    return this.#effects;
  }

  #assertNotOver(method: string): void {
    if (this.isOver) throw new HoldfastError('HF_ATTEMPT_OVER', { what: `item ${this.#work.key}`, method });
  }

  /** The attempt is over: nothing more is recorded for it. */
  end(): void {
    this.#isOver = true;
  }

  get isOver(): boolean {
    return this.#isOver || this.#within?.isOver === true;
  }

  /** What is recorded of a step, or what the function gives now; encoded. */
  async #takeStep(name: string, fn: () => unknown): Promise<string> {
    const { ledger, job } = this.#session;
    const place = [job.job_no, this.#work.key, name] as const;
    const [row] = await ledger.read((tx) => tx.all<{ value: string }>(SELECT_STEP, place));
    if (row) return row.value;
    const made = encodeValue(await fn());
    const stands = await ledger.write(async (tx) => {
      const sql = 'INSERT INTO hf_once (job_no, item_key, name, value) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING';
      if ((await tx.run(sql, [...place, made])) > 0) return made;
      return (await tx.all<{ value: string }>(SELECT_STEP, place))[0]?.value ?? made;
    });
    this.#session.onceUsed = true;
    return stands;
  }

  #runningSteps(): RunningSteps {
    if (this.#within) return this.#within.#runningSteps();
    this.#running ??= new RunningSteps();
    return this.#running;
  }

  abort(reason: unknown): void {
    this.#abortReason = reason;
    this.end();
    this.#controller?.abort(reason);
  }
}

function taskOf({ spec }: JobSession): TaskSpec | null {
  return spec.work.kind === 'task' ? spec.work.task : null;
}

/** `ctx` of one call of `runBatch`. */
export class BatchCallContext implements BatchContext {
  readonly #session: JobSession;
  readonly #works: readonly ItemWork[];
  readonly #controller = new AbortController();

  constructor(session: JobSession, works: readonly ItemWork[]) {
    this.#session = session;
    this.#works = works;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get jobId(): string {
    return this.#session.job.job_id;
  }

  get params(): unknown {
    return this.#session.params;
  }

  get log(): Logger {
    return this.#session.logOf({});
  }

  get itemKeys(): readonly string[] {
    return this.#works.map((work) => work.key);
  }

  get idempotencyKeys(): readonly string[] {
    return this.#works.map((work) => this.#session.idempotencyKeyOf(work));
  }

  get attempts(): readonly number[] {
    return this.#works.map((work) => work.attempts + 1);
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }
}
