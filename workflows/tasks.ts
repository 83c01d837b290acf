import { type ActivityOptions, proxyActivities } from '@temporalio/workflow';
import type { Task } from '../definitions/task.ts';
import { fromJson, toJson } from '../definitions/values.ts';
import type { TaskCallOptions } from './messages.ts';

/** The tasks among a module's exports (or an object's values), by the name of each: what {@link proxyTasks} gives. */
export type TasksByName<T> = {
  readonly [K in keyof T as T[K] extends Task<infer Name, never, unknown> ? Name : never]: T[K] extends Task<
    string,
    infer I,
    infer R
  >
    ? (...input: undefined extends I ? [input?: I] : [input: I]) => Promise<R>
    : never;
};

/** Options of the tasks' activities. What is left out is as Holdfast's retries and recovery want it. */
export interface ProxyTasksOptions extends Partial<ActivityOptions> {
  /** Stored results from before the call are not taken: compute anew, and store. @default false */
  readonly refresh?: boolean;
}

type TaskActivities = Readonly<Record<string, (input: unknown, options?: TaskCallOptions) => Promise<unknown>>>;

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
  const { refresh = false, ...given } = options;
  const activities = proxyActivities<TaskActivities>({
    // For all waits of an attempt; the task's own timeout ends a call of its function.
    startToCloseTimeout: '24 hours',
    heartbeatTimeout: '30 seconds',
    // Without an end here, and soon after a crash: delays and attempts are the task's own.
    retry: { initialInterval: '100ms', backoffCoefficient: 2, maximumInterval: '10s' },
    ...given,
  });
  const call = (name: string) => {
    const activity = activities[name] as TaskActivities[string];
    return async (input?: unknown) => {
      const json = toJson(input);
      return fromJson(refresh ? await activity(json, { refresh }) : await activity(json));
    };
  };
  return new Proxy({} as TasksByName<T>, {
    get: (_, name) => (typeof name === 'string' ? call(name) : undefined),
  });
}
