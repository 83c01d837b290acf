import type { TaskSpec } from './task.ts';

/** What makes the calls of tasks while jobs run: gives them their context, time limit and retries. */
export interface TaskRuntime {
  call(spec: TaskSpec, input: unknown): Promise<unknown>;
}

// On the global object, because a job file may load another copy of the package than the worker that runs it.
const slot = Symbol.for('holdfast.task-runtime');
const globals = globalThis as { [slot]?: TaskRuntime | undefined };

/** From now on calls of tasks go to `runtime`. Returns what puts the one before it back. */
export function installTaskRuntime(runtime: TaskRuntime): () => void {
  const before = globals[slot];
  globals[slot] = runtime;
  return () => {
    if (globals[slot] === runtime) globals[slot] = before;
  };
}

export function installedTaskRuntime(): TaskRuntime | null {
  return globals[slot] ?? null;
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
