import type { TaskContext } from './context.ts';
import { shortHash } from './job-id.ts';
import type { TaskSpec } from './task.ts';
import { encodeValue } from './values.ts';

/** The context of a task that is called outside any job, as a user's own tests do: nothing is recorded or retried. */
export function bareContext(spec: Pick<TaskSpec, 'name'>, input: unknown): TaskContext {
  return {
    signal: new AbortController().signal,
    attempt: 1,
    // Another one for each input, so that a receiver never takes two different requests for one.
    get idempotencyKey() {
      return `${spec.name}-${shortHash(encodeValue(input))}`;
    },
    jobId: '',
    itemKey: '',
    params: {},
    log: console,
    once: async (_name, fn) => fn(),
  };
}
