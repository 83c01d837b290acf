import type { TaskSpec } from '../definitions/task.ts';
import { areTasksDefined } from '../definitions/task-runtime.ts';
import type { AskAgain } from '../memoization/memoization.ts';
import type { Caller, NestedContext } from './caller.ts';
import { takeConsole } from './console-log.ts';
import type { Log } from './dependencies.ts';
import type { CallContext, ItemWork } from './item-context.ts';
import type { JobSession } from './job-session.ts';
import { MemoTally } from './memo-tally.ts';
import { whileLocked } from './through-locks.ts';

export interface StoreFault {
  readonly error: unknown;
}

/** An item's function (or a batch's) in the eyes of the tasks that it calls. */
export class ItemCaller implements Caller {
  readonly console: Log | null;
  readonly tally = new MemoTally();
  readonly again: AskAgain;
  #fault: StoreFault | null = null;
  readonly #session: JobSession;
  readonly #context: CallContext;

  private constructor(session: JobSession, work: ItemWork, context: CallContext) {
    this.#session = session;
    this.#context = context;
    this.again = whileLocked(session.deps);
    this.console = session.spec.logConsole ? session.logOf({ item: work.key, attempt: work.attempts + 1 }) : null;
  }

  /** Null where nothing asks for one: an async scope a call costs 0.6 µs, a tenth of a cheap item. */
  static of(session: JobSession, work: ItemWork, context: CallContext): ItemCaller | null {
    if (session.spec.logConsole) takeConsole();
    else if (!areTasksDefined()) return null;
    return new ItemCaller(session, work, context);
  }

  get memo(): Caller['memo'] {
    return this.#session.deps.memo;
  }

  /** What the store failed with, if it did. */
  get fault(): StoreFault | null {
    return this.#fault;
  }

  storeFailed(error: unknown): void {
    this.#fault ??= { error };
  }

  get madeBy(): string {
    return this.#session.job.job_id;
  }

  notBefore(task: TaskSpec): number | null {
    return this.#session.notBefore(task);
  }

  nested(task: TaskSpec, steps: string): NestedContext {
    return this.#context.nested(task, steps);
  }
}
