import { type ActivityOptions, proxyActivities } from '@temporalio/workflow';
import type { TaskCallOptions } from './messages.ts';

/** Options of the tasks' activities. What is left out is as Holdfast's retries and recovery want it. */
export interface ProxyTasksOptions extends Partial<ActivityOptions> {
  /** Stored results from before the call are not taken: compute anew, and store. @default false */
  readonly refresh?: boolean;
}

type TaskActivities = Readonly<Record<string, (input: unknown, options?: TaskCallOptions) => Promise<unknown>>>;

/** The activity of a task, by the task's name; input and result by the encoding of `definitions/values.ts`. */
export function taskActivity({
  refresh = false,
  ...given
}: ProxyTasksOptions): (name: string) => (json: unknown) => Promise<unknown> {
  const activities = proxyActivities<TaskActivities>({
    // For all waits of an attempt; the task's own timeout ends a call of its function.
    startToCloseTimeout: '24 hours',
    heartbeatTimeout: '30 seconds',
    // Without an end here, and soon after a crash: delays and attempts are the task's own.
    retry: { initialInterval: '100ms', backoffCoefficient: 2, maximumInterval: '10s' },
    ...given,
  });
  return (name) => {
    const activity = activities[name] as TaskActivities[string];
    return (json) => (refresh ? activity(json, { refresh }) : activity(json));
  };
}
