import type { TaskSpec } from './task.ts';
import type { Tx } from './tx.ts';

/** What makes the calls of tasks while jobs run: gives them their context, time limit and retries. */
export interface TaskRuntime {
  call(spec: TaskSpec, input: unknown): Promise<unknown>;
}

// On the global object, because a job file may load another copy of the package than the worker that runs it.
const slot = Symbol.for('holdfast.task-runtimes');
const globals = globalThis as { [slot]?: readonly TaskRuntime[] };

/** From now on calls of tasks go to `runtime`, until what this returns is called. Several workers of a process may install it. */
export function installTaskRuntime(runtime: TaskRuntime): () => void {
  globals[slot] = [...(globals[slot] ?? []), runtime];
  return () => {
    const installed = globals[slot] ?? [];
    const last = installed.lastIndexOf(runtime);
    globals[slot] = installed.filter((_, n) => n !== last);
  };
}

export function installedTaskRuntime(): TaskRuntime | null {
  return globals[slot]?.at(-1) ?? null;
}

const defined = Symbol.for('holdfast.tasks-defined');

/** Called with each task that is defined. */
export function noteTaskDefined(): void {
  (globalThis as { [defined]?: boolean })[defined] = true;
}

/** Whether any task was defined in this process, so that an item's function may call one. */
export function areTasksDefined(): boolean {
  return (globalThis as { [defined]?: boolean })[defined] === true;
}

/** Runs a transaction of a task that is called outside any worker. */
export type RunTransaction = <T>(url: string, fn: (tx: Tx) => T | PromiseLike<T>) => Promise<T>;

const transactions = Symbol.for('holdfast.transactions');

/** Called once by whoever knows databases: the definitions do not. */
export function installTransactions(run: RunTransaction): void {
  (globalThis as { [transactions]?: RunTransaction })[transactions] ??= run;
}

export function installedTransactions(): RunTransaction | null {
  return (globalThis as { readonly [transactions]?: RunTransaction })[transactions] ?? null;
}
