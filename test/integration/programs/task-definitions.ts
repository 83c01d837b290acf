// Tasks of the plugin's tests, in the process that runs them.
import { defineTask } from '../../../definitions/task.ts';

export const calls: string[] = [];

export const sum = defineTask({
  name: 'add',
  run: ({ x, y }: { readonly x: number; readonly y: number }) => {
    calls.push(`add ${x} ${y}`);
    return x + y;
  },
  memoize: { key: ({ x, y }) => `sum:${x}:${y}` },
});

export const echo = defineTask({
  name: 'echo',
  run: (input: unknown) => {
    calls.push('echo');
    return input;
  },
});

/** No task: a module may export anything. */
export const unrelated = { add: 1 };
