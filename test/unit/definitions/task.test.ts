import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { z } from 'zod';
import { isHoldfastError } from '../../../definitions/errors.ts';
import { defineTask, isTask, taskSpecOf } from '../../../definitions/task.ts';
import { installTaskRuntime } from '../../../definitions/task-runtime.ts';

const failureOf = (options: object): string => {
  try {
    defineTask(options as never);
    return 'none';
  } catch (error) {
    if (isHoldfastError(error)) return `${error.code}: ${error.message}`;
    throw error;
  }
};

describe('a task', () => {
  test('has its name and its options with every default decided', () => {
    const task = defineTask({ name: 'locate', run: (n: number) => n });
    expect(task.name).toBe('locate');
    expect(isTask(task)).toBe(true);
    expect(isTask(() => 1)).toBe(false);
    expect(taskSpecOf(task)).toMatchObject({
      name: 'locate',
      version: '1',
      schema: null,
      memoize: null,
      retry: { attempts: 5, jitter: 0.2, when: null },
      timeoutMs: 300_000,
      logConsole: false,
    });
  });

  test('`timeout: false` is no limit', () => {
    expect(taskSpecOf(defineTask({ name: 't', run: () => 1, timeout: false })).timeoutMs).toBeNull();
  });

  test.each<[object, string]>([
    [{ run: () => 1 }, 'a task cannot be defined: option name is undefined; every task needs a name'],
    [{ name: '', run: () => 1 }, 'option name is '],
    [{ name: 'a/b', run: () => 1 }, "option name is 'a/b'; use letters, digits"],
    [{ name: 't' }, 'task t cannot be defined: option run is undefined'],
    [{ name: 't', run: 'x' }, "option run is 'x'; give a function"],
    [
      { name: 't', run: () => 1, timeuot: '5s' },
      "option timeuot is '5s'; there is no such option, did you mean timeout",
    ],
    [{ name: 't', run: () => 1, timeout: '5 parsecs' }, "HF_DURATION_INVALID: Option timeout of task t is '5 parsecs'"],
    [{ name: 't', run: () => 1, timeout: '0s' }, "option timeout is '0s'"],
    [{ name: 't', run: () => 1, schema: {} }, 'option schema is {}; give a Standard Schema'],
    [{ name: 't', run: () => 1, version: 2 }, 'option version is 2; give a non-empty string'],
  ])('%j is refused when it is made', (options, message) => {
    expect(failureOf(options)).toContain(message);
  });
});

test('a task that asks for memoization is refused as long as there is none (invariant 8)', () => {
  expect(failureOf({ name: 't', run: () => 1, memoize: { expires: '1 day' } })).toContain(
    'HF_TASK_MEMOIZE: Task t asks for memoization',
  );
});

describe('calling a task', () => {
  let uninstall = () => {};
  afterEach(() => uninstall());
  const parse = defineTask({
    name: 'parse',
    schema: z.object({ n: z.string().transform(Number) }),
    run: (input, ctx) => ({ n: input.n, attempt: ctx.attempt, key: ctx.idempotencyKey }),
  });

  test('outside any job checks the input and runs it once', async () => {
    expect(await parse({ n: '7' })).toMatchObject({ n: 7, attempt: 1 });
    await expect(parse({ n: 7 } as never)).rejects.toMatchObject({
      code: 'HF_INPUT_SCHEMA',
      message: expect.stringContaining('n: '),
    });
  });

  test('outside any job has one idempotency key an input', async () => {
    const keys = await Promise.all(['1', '2', '1'].map(async (n) => (await parse({ n })).key));
    expect(keys[0]).toBe(keys[2]);
    expect(keys[0]).not.toBe(keys[1]);
  });

  test('goes to the runtime while one is installed', async () => {
    const call = jest.fn(async (_spec: unknown, _input: unknown) => 'by the runtime');
    uninstall = installTaskRuntime({ call });
    expect(await parse({ n: '7' })).toBe('by the runtime');
    expect(call).toHaveBeenCalledWith(taskSpecOf(parse), { n: '7' });
    uninstall();
    expect(await parse({ n: '7' })).toMatchObject({ n: 7 });
  });
});
