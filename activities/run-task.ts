import { Context } from '@temporalio/activity';
import { HoldfastError } from '../definitions/errors.ts';
import { checkInput, type TaskSpec } from '../definitions/task.ts';
import { fromJson, toJson } from '../definitions/values.ts';
import { TaskSteps } from '../ledger/task-steps.ts';
import { isMemoTask } from '../memoization/memoization.ts';
import type { TaskCallOptions } from '../workflows/messages.ts';
import { runAs } from './caller.ts';
import type { Dependencies } from './dependencies.ts';
import { TaskAttempt } from './task-attempt.ts';
import { TaskCaller } from './task-caller.ts';
import { TaskCall, TaskCallContext } from './task-context.ts';
import { judgeAttempt } from './task-failure.ts';

/** How long an attempt waits for another that computes the same, holding its slot, before it gives the slot back. */
const MEMO_WAIT_MS = 10_000;
/** What a function gets to end in order when its process leaves, beyond the worker's own grace. */
const SETTLE_MS = 1_000;

/** Input and result are JSON values by the encoding of `definitions/values.ts`. */
export type TaskActivity = (input?: unknown, options?: TaskCallOptions) => Promise<unknown>;

/** An activity for each task, by the task's name. */
export function createTaskActivities(
  deps: Dependencies,
  tasks: ReadonlyMap<string, TaskSpec>,
): Readonly<Record<string, TaskActivity>> {
  const steps = new TaskSteps(deps.store.database);
  const activity =
    (spec: TaskSpec): TaskActivity =>
    (input, options) =>
      new TaskRun(spec, { deps, steps, options: options ?? {} }).run(input);
  return Object.fromEntries([...tasks].map(([name, spec]) => [name, activity(spec)]));
}

interface RunParts {
  readonly deps: Dependencies;
  readonly steps: TaskSteps;
  readonly options: TaskCallOptions;
}

/** One attempt at a task. */
class TaskRun {
  readonly #spec: TaskSpec;
  readonly #deps: Dependencies;
  readonly #activity = Context.current();
  readonly #attempt = new TaskAttempt(this.#activity);
  readonly #call: TaskCall;
  readonly #context: TaskCallContext;
  readonly #caller: TaskCaller;
  /** What the task's own function threw. */
  #thrown: { readonly error: unknown } | null = null;

  constructor(spec: TaskSpec, { deps, steps, options }: RunParts) {
    this.#spec = spec;
    this.#deps = deps;
    this.#call = new TaskCall({ deps, steps, attempt: this.#attempt }, spec);
    this.#context = new TaskCallContext(this.#call, spec);
    this.#caller = new TaskCaller(this.#call, { spec, context: this.#context, refresh: options.refresh === true });
  }

  async run(json: unknown): Promise<unknown> {
    const rest = this.#attempt.keepAlive();
    try {
      const value = await this.#answer(await checkInput(this.#spec, fromJson(json)));
      const result = toJson(value);
      await this.#forgetSteps();
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
    });
    return value;
  }

  async #compute(input: unknown): Promise<unknown> {
    // From here on a crash is told from a failure.
    this.#attempt.beat();
    try {
      return await this.#untilStopped(() => runAs(this.#caller, () => this.#spec.run(input, this.#context)));
    } catch (error) {
      this.#thrown = { error };
      throw error;
    }
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
    const onCancel = () => {
      const asked = this.#activity.cancellationDetails?.cancelRequested === true;
      stop(cancellationSignal.reason, asked ? shutdownGraceMs : SETTLE_MS);
    };
    const onShutdown = () => {
      timers.push(setTimeout(() => stop(new Error('the process leaves'), SETTLE_MS), shutdownGraceMs));
    };
    cancellationSignal.addEventListener('abort', onCancel, { once: true });
    shutdown.addEventListener('abort', onShutdown, { once: true });
    if (cancellationSignal.aborted) onCancel();
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
      isOwn: this.#thrown !== null && this.#thrown.error === error,
    });
    if (judged.counts && !judged.isFinal) this.#call.log.warn(`The task failed, and is tried again: ${error}`);
    if (judged.isFinal) await this.#forgetSteps();
    else this.#attempt.beat(judged.counts ? failures + 1 : failures);
    return judged.failure;
  }

  async #forgetSteps(): Promise<void> {
    if (!this.#call.stepsUsed) return;
    // They are old some day in any case.
    await this.#call.steps.forget(this.#call.scope).catch((error) => this.#call.log.debug(`Steps stay: ${error}`));
  }
}
