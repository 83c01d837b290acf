import { bareContext } from '../definitions/bare-context.ts';
import { HoldfastError } from '../definitions/errors.ts';
import { shortHash } from '../definitions/job-id.ts';
import { checkInput, type TaskSpec } from '../definitions/task.ts';
import type { TaskRuntime } from '../definitions/task-runtime.ts';
import { encodeValue } from '../definitions/values.ts';
import { isMemoTask } from '../memoization/memoization.ts';
import { type Caller, currentCaller, type NestedContext } from './caller.ts';
import { copyInput } from './copy-input.ts';

/** Calls of tasks inside a user's function: each memoized on its own and within its own timeout. */
export const taskRuntime: TaskRuntime = {
  async call(spec, input) {
    // Before anything is awaited: the caller may change its own meanwhile.
    const given = isMemoTask(spec) ? copyInput(input) : input;
    const checked = await checkInput(spec, given);
    const caller = currentCaller();
    if (!caller) return spec.run(checked, bareContext(spec, checked));
    const context = caller.nested(spec, stepsOf(spec, checked));
    try {
      return await memoized(caller, { spec, input: checked, context });
    } finally {
      context.end();
    }
  },
};

interface NestedCall {
  readonly spec: TaskSpec;
  readonly input: unknown;
  readonly context: NestedContext;
}

async function memoized(caller: Caller, call: NestedCall): Promise<unknown> {
  const { spec, input, context } = call;
  if (!isMemoTask(spec)) return withTimeout(call);
  const { memo, madeBy } = caller;
  const options = {
    notBefore: caller.notBefore(spec),
    madeBy,
    signal: context.signal,
    again: caller.again,
    storeFailed: (error: unknown) => caller.storeFailed(error),
  };
  const outcome = await memo.run(spec, input, () => withTimeout(call), options);
  caller.tally.count(outcome);
  return outcome.value;
}

/** Two tasks, or one with two inputs, may name their steps alike. */
function stepsOf(spec: TaskSpec, input: unknown): string {
  try {
    return `${spec.name} ${shortHash(encodeValue(input))} `;
  } catch {
    return `${spec.name} `;
  }
}

async function withTimeout({ spec, input, context }: NestedCall): Promise<unknown> {
  const { timeoutMs } = spec;
  if (timeoutMs === null) return spec.run(input, context);
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new HoldfastError('HF_ITEM_TIMEOUT', { timeoutMs });
      context.abort(error);
      reject(error);
    }, timeoutMs);
  });
  try {
    return await Promise.race([spec.run(input, context), expired]);
  } finally {
    clearTimeout(timer);
  }
}
