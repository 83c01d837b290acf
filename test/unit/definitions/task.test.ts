import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { z } from 'zod';
import { isHoldfastError } from '../../../definitions/errors.ts';
import { type Expiration, expiresAt, type Memoize, normalizeMemoize } from '../../../definitions/memoize.ts';
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
      "option timeuot is '5s'; there is no such option (did you mean timeout?)",
    ],
    [{ name: 't', run: () => 1, timeout: '5 parsecs' }, "HF_DURATION_INVALID: Option timeout of task t is '5 parsecs'"],
    [{ name: 't', run: () => 1, timeout: '0s' }, "option timeout is '0s'"],
    [{ name: 't', run: () => 1, schema: {} }, 'option schema is {}; give a Standard Schema'],
    [{ name: 't', run: () => 1, version: 2 }, 'option version is 2; give a non-empty string'],
  ])('%j is refused when it is made', (options, message) => {
    expect(failureOf(options)).toContain(message);
  });
});

test('memoization options are checked and named', () => {
  const asked = (memoize: object) => failureOf({ name: 't', run: () => 1, memoize });
  expect(asked({ expires: 'soon' })).toContain('HF_DURATION_INVALID: Option memoize.expires of task t');
  expect(asked({ expires: new Date(Number.NaN) })).toContain('an invalid date');
  expect(asked({ ttl: '1 day' })).toContain("option memoize.ttl is '1 day'; memoize has no such option");
  expect(asked({ key: 'x' })).toContain('memoize.key');
  expect(asked({ refresh: 1 })).toContain('memoize.refresh');
  expect(asked({ storage: '' })).toContain('memoize.storage');
  expect(asked({ onStoreError: 'ignore' })).toContain("give 'fail' or 'run'");
});

test('an expiration is a duration, a time, or a function of the result that gives either', () => {
  const expires = (given: Memoize<unknown>['expires']) =>
    normalizeMemoize(given === undefined ? {} : { expires: given }, 'task t')?.expires as Expiration;
  const at = (given: Memoize<unknown>['expires']) =>
    expiresAt(expires(given), { result: { ttl: '5s' }, input: 1, at: 1_000, task: 't' });
  expect(at(undefined)).toBeNull();
  expect(at('2s')).toBe(3_000);
  expect(at(new Date(9_000))).toBe(9_000);
  expect(at((result) => (result as { ttl: '5s' }).ttl)).toBe(6_000);
  expect(() => at(() => 'later' as '1s')).toThrow(/memoize.expires of task t is 'later'/);
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
