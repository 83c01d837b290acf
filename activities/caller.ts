import { AsyncLocalStorage } from 'node:async_hooks';
import type { Logger, TaskContext } from '../definitions/context.ts';
import type { TaskSpec } from '../definitions/task.ts';
import type { AskAgain, Memoization } from '../memoization/memoization.ts';
import type { MemoTally } from './memo-tally.ts';

/** The context of one call of a task within another function. */
export interface NestedContext extends TaskContext {
  abort(reason: unknown): void;
  /** The call is over: nothing more is recorded for it. */
  end(): void;
}

/** Whose function is running: an item of a job, or a task in a user's workflow. */
export interface Caller {
  /** Where `console.log` goes; null: where it always goes. */
  readonly console: Logger | null;
  readonly memo: Memoization;
  /** The job, or the workflow. */
  readonly madeBy: string;
  /** Memoized calls within. */
  readonly tally: MemoTally;
  /** Whether a memoized call asks the store once more. */
  readonly again: AskAgain;
  /** Results of the task made before are not taken; null: any. */
  notBefore(task: TaskSpec): number | null;
  /** A memoized call within could not use the store: whatever the function makes of that, it has neither failed nor answered. */
  storeFailed(error: unknown): void;
  /** A context for a task that the function calls; `steps` tells its recorded steps from others'. */
  nested(task: TaskSpec, steps: string): NestedContext;
}

const callers = new AsyncLocalStorage<Caller>();

/** Whoever the running code belongs to, if anyone. */
export function currentCaller(): Caller | undefined {
  return callers.getStore();
}

/** Runs a function so that tasks it calls know whose they are. */
export function runAs<T>(caller: Caller, run: () => T): T {
  return callers.run(caller, run);
}
