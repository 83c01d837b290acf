import { bareContext } from '../definitions/bare-context.ts';
import { HoldfastError } from '../definitions/errors.ts';
import { checkInput, type TaskSpec } from '../definitions/task.ts';
import type { TaskRuntime } from '../definitions/task-runtime.ts';
import { currentCall } from './console-log.ts';
import { CallContext } from './item-context.ts';

/** Calls of tasks inside a job's function: with the item's context, each within the task's own timeout. */
export const taskRuntime: TaskRuntime = {
  async call(spec, input) {
    const checked = await checkInput(spec, input);
    const caller = currentCall();
    if (!caller) return spec.run(checked, bareContext(spec, checked));
    return withTimeout(spec, new CallContext(caller.session, caller.work), checked);
  },
};

async function withTimeout(spec: TaskSpec, context: CallContext, input: unknown): Promise<unknown> {
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
