import type { Logger } from '../definitions/context.ts';
import type { TaskSpec } from '../definitions/task.ts';
import type { Caller, NestedContext } from './caller.ts';
import { takeConsole } from './console-log.ts';
import { MemoTally } from './memo-tally.ts';
import type { TaskCall, TaskCallContext } from './task-context.ts';
import { whileLocked } from './through-locks.ts';

/** A task in a user's workflow, in the eyes of the tasks that it calls. */
export class TaskCaller implements Caller {
  readonly console: Logger | null;
  readonly tally = new MemoTally();
  readonly memo: Caller['memo'];
  readonly madeBy: string;
  readonly #call: TaskCall;
  readonly #context: TaskCallContext;
  readonly #refresh: boolean;
  readonly again: Caller['again'];

  constructor(
    call: TaskCall,
    {
      spec,
      context,
      refresh,
    }: { readonly spec: TaskSpec; readonly context: TaskCallContext; readonly refresh: boolean },
  ) {
    if (spec.logConsole) takeConsole();
    this.console = spec.logConsole ? call.log : null;
    this.memo = call.deps.memo;
    this.madeBy = call.attempt.madeBy;
    this.again = whileLocked(call.deps);
    this.#call = call;
    this.#context = context;
    this.#refresh = refresh;
  }

  notBefore(task: TaskSpec): number | null {
    return this.#refresh || task.memoize?.refresh === true ? this.#call.attempt.scheduledAt : null;
  }

  storeFailed(error: unknown): void {
    this.#call.storeFailed(error);
  }

  nested(task: TaskSpec, steps: string): NestedContext {
    return this.#context.nested(task, steps);
  }
}
