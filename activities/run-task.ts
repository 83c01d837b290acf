import { Context } from '@temporalio/activity';
import { HoldfastError } from '../definitions/errors.ts';
import { checkInput, type TaskSpec } from '../definitions/task.ts';
import { fromJson, toJson } from '../definitions/values.ts';
import { TaskCalls } from '../ledger/task-calls.ts';
import { isMemoTask, type Seal } from '../memoization/memoization.ts';
import type { TaskCallOptions } from '../workflows/messages.ts';
import { runAs } from './caller.ts';
import type { Dependencies } from './dependencies.ts';
import type { Outgoing } from './outgoing.ts';
import { TaskAttempt } from './task-attempt.ts';
import { TaskCaller } from './task-caller.ts';
import { TaskCall, TaskCallContext } from './task-context.ts';
import { judgeAttempt } from './task-failure.ts';
import { stackOfThrown, textOfThrown } from './thrown.ts';

/** How long an attempt waits for another that computes the same, holding its slot, before it gives the slot back. */
const MEMO_WAIT_MS = 10_000;
/** What a function gets to end in order when its process leaves, beyond the worker's own grace. */
const SETTLE_MS = 1_000;

/** Input and result are JSON values by the encoding of `definitions/values.ts`. */
export type TaskActivity = (input?: unknown, options?: TaskCallOptions) => Promise<unknown>;

/** An activity for each task, by the task's name. */
export function createTaskActivities(
  deps: Dependencies,
  given: Pick<RunParts, 'seal' | 'outgoing'> & { readonly tasks: ReadonlyMap<string, TaskSpec> },
): Readonly<Record<string, TaskActivity>> {
  const { tasks, ...parts } = given;
  const calls = new TaskCalls(deps.store.database, deps.now);
  const activity =
    (spec: TaskSpec): TaskActivity =>
    (input, options) =>
      runTask(spec, { ...parts, deps, calls, options: options ?? {} }, input);
  return Object.fromEntries([...tasks].map(([name, spec]) => [name, activity(spec)]));
}

interface RunParts {
  readonly deps: Dependencies;
  readonly calls: TaskCalls;
  /** What recorded steps go through. */
  readonly seal: Seal | null;
  readonly outgoing: Outgoing;
  readonly options: TaskCallOptions;
}

async function runTask(spec: TaskSpec, parts: RunParts, input: unknown): Promise<unknown> {
  const activity = Context.current();
  let attempt: TaskAttempt;
  try {
    attempt = await TaskAttempt.begin(activity, parts.calls);
  } catch (error) {
    throw judgeAttempt(error, { spec, context: activity, deps: parts.deps, failures: 0, isOfStore: true }).failure;
  }
  return new TaskRun(spec, { ...parts, activity, attempt }).run(input);
}

/** One attempt at a task. */
class TaskRun {
  readonly #spec: TaskSpec;
  readonly #deps: Dependencies;
  readonly #activity: Context;
  readonly #attempt: TaskAttempt;
  readonly #calls: TaskCalls;
  readonly #call: TaskCall;
  readonly #context: TaskCallContext;
  readonly #caller: TaskCaller;
  readonly #outgoing: Outgoing;

  constructor(spec: TaskSpec, parts: RunParts & { readonly activity: Context; readonly attempt: TaskAttempt }) {
    this.#spec = spec;
    this.#deps = parts.deps;
    this.#activity = parts.activity;
    this.#attempt = parts.attempt;
    this.#calls = parts.calls;
    this.#outgoing = parts.outgoing;
    this.#call = new TaskCall(parts, spec);
    this.#context = new TaskCallContext(this.#call, spec);
    const refresh = parts.options.refresh === true;
    this.#caller = new TaskCaller(this.#call, { spec, context: this.#context, refresh });
  }

  async run(json: unknown): Promise<unknown> {
    const rest = this.#attempt.keepAlive();
    try {
      const value = await this.#answer(await checkInput(this.#spec, fromJson(json)));
      const result = toJson(value);
      await this.#outgoing.assertFits(result, this.#spec.name);
      await this.#forget();
      return result;
    } catch (error) {
      throw await this.#failed(error);
    } finally {
      rest();
      this.#context.end();
    }
  }

  async #answer(input: unknown): Promise<unknown> {
    const spec = this.#spec;
    if (!isMemoTask(spec)) return this.#compute(input);
    const { memo } = this.#deps;
    const { value } = await memo.run(spec, input, () => this.#compute(input), {
      notBefore: this.#caller.notBefore(spec),
      madeBy: this.#attempt.madeBy,
      signal: AbortSignal.any([this.#activity.cancellationSignal, this.#deps.shutdown]),
      waitMsMax: MEMO_WAIT_MS,
      again: this.#caller.again,
      storeFailed: (error) => this.#caller.storeFailed(error),
    });
    return value;
  }

  async #compute(input: unknown): Promise<unknown> {
    this.#attempt.beat();
    try {
      const value = await this.#untilStopped(() => runAs(this.#caller, () => this.#spec.run(input, this.#context)));
      if (this.#call.fault === null) return value;
    } catch (error) {
      if (this.#call.fault === null) throw error;
    }
    // Whatever the function made of it.
    throw this.#call.fault.error;
  }

  /** The function's end; or, where it goes on regardless, its timeout, or some time after it was told to stop. */
  async #untilStopped(run: () => unknown): Promise<unknown> {
    const { timeoutMs } = this.#spec;
    const { promise: stopped, reject } = Promise.withResolvers<never>();
    const timers: NodeJS.Timeout[] = [];
    const stop = (reason: unknown, graceMs: number) => {
      this.#context.abort(reason);
      timers.push(setTimeout(() => reject(reason), graceMs));
    };
    if (timeoutMs !== null) {
      const late = () => stop(new HoldfastError('HF_ITEM_TIMEOUT', { timeoutMs }), 0);
      timers.push(setTimeout(late, timeoutMs));
    }
    const { cancellationSignal } = this.#activity;
    const { shutdown, shutdownGraceMs } = this.#deps;
    const onShutdown = () => {
      timers.push(setTimeout(() => stop(new Error('the process leaves'), SETTLE_MS), shutdownGraceMs));
    };
    const onCancel = () => {
      const { cancelRequested, workerShutdown } = this.#activity.cancellationDetails ?? {};
      // A Worker without a grace of its own cancels at once.
      if (workerShutdown) return onShutdown();
      stop(cancellationSignal.reason, cancelRequested ? shutdownGraceMs : SETTLE_MS);
    };
    cancellationSignal.addEventListener('abort', onCancel, { once: true });
    shutdown.addEventListener('abort', onShutdown, { once: true });
    if (cancellationSignal.aborted) onCancel();
    else if (shutdown.aborted) onShutdown();
    try {
      return await Promise.race([run(), stopped]);
    } finally {
      for (const timer of timers) clearTimeout(timer);
      cancellationSignal.removeEventListener('abort', onCancel);
      shutdown.removeEventListener('abort', onShutdown);
    }
  }

  async #failed(error: unknown): Promise<unknown> {
    const { failures } = this.#attempt;
    const judged = judgeAttempt(error, {
      spec: this.#spec,
      context: this.#activity,
      deps: this.#deps,
      failures,
      isOfStore: this.#call.fault !== null && this.#call.fault.error === error,
    });
    if (judged.isFinal) await this.#forget();
    else await this.#leave(judged.counts ? failures + 1 : failures, error);
    return this.#outgoing.failure(judged.failure);
  }

  /** What the next attempt is to know. */
  async #leave(failures: number, error: unknown): Promise<void> {
    this.#attempt.beat(failures);
    if (failures === this.#attempt.failures) return;
    const { log } = this.#call;
    log.warn(`The task failed, and is tried again: ${textOfThrown(error)}`);
    log.debug(`It failed at ${stackOfThrown(error) ?? 'an unknown place: what was thrown is no error'}`);
    await this.#calls
      .recordFailures(this.#attempt.scope, failures)
      .catch((cause) => log.warn(`The failure is not in the store: ${cause}`));
  }

  async #forget(): Promise<void> {
    const { isRecorded, log } = this.#call;
    if (!isRecorded) return;
    // It is old some day in any case.
    await this.#calls.forget(this.#attempt.scope).catch((error) => log.debug(`Records of the call stay: ${error}`));
  }
}
