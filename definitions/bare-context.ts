import type { TaskContext } from './context.ts';
import { HoldfastError } from './errors.ts';
import { shortHash } from './job-id.ts';
import type { TaskSpec } from './task.ts';
import { installedTransactions } from './task-runtime.ts';
import { encodeValue } from './values.ts';

/** The context of a task that is called outside any job, as a user's own tests do: nothing is recorded or retried. */
export function bareContext(spec: Pick<TaskSpec, 'name' | 'memoize'>, input: unknown): TaskContext {
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
    transaction: async (url, fn) => {
      if (spec.memoize !== null) throw new HoldfastError('HF_TRANSACTION_MEMOIZED', { task: spec.name });
      const run = installedTransactions();
      if (run === null) throw new Error('ctx.transaction needs the package itself: import something from holdfast');
      return run(url, fn);
    },
  };
}
