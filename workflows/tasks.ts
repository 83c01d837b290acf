import type { Task } from '../definitions/task.ts';
import { fromJson, toJson } from '../definitions/values.ts';
import { type ProxyTasksOptions, taskActivity } from './task-activities.ts';

export type { ProxyTasksOptions } from './task-activities.ts';

/** What is `any` may be a task, but says of which name it is as little as of any other. */
type NameOf<V> = 0 extends 1 & V ? never : V extends Task<infer Name, never, unknown> ? Name : never;

/** The tasks among a module's exports (or an object's values), by the name of each: what {@link proxyTasks} gives. */
export type TasksByName<T> = {
  readonly [K in keyof T as NameOf<T[K]>]: T[K] extends Task<string, infer I, infer R>
    ? (...input: undefined extends I ? [input?: I] : [input: I]) => Promise<R>
    : never;
};

/**
 * Tasks as functions of a workflow, by task name: each call is an activity on a worker that has the task (`HoldfastPlugin`,
 * `createWorker` or `holdfast worker`), memoized, timed out and retried as the task's definition there says. Dates, bigints, bytes
 * and `undefined` in inputs and results come as they went.
 *
 * @example
 * import type * as tasks from './tasks.ts';
 * const { add } = proxyTasks<typeof tasks>();
 * const sum = await add({ x: 1, y: 2 });
 */
export function proxyTasks<T>(options: ProxyTasksOptions = {}): TasksByName<T> {
  const activityOf = taskActivity(options);
  const call = (name: string) => {
    const activity = activityOf(name);
    return async (input?: unknown) => fromJson(await activity(toJson(input)));
  };
  return new Proxy({} as TasksByName<T>, {
    // No thenable: it may be returned from an async function.
    get: (_, name) => (typeof name === 'string' && name !== 'then' ? call(name) : undefined),
  });
}
