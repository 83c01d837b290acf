import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { CompleteAsyncError } from '@temporalio/activity';
import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { z } from 'zod';
import type { TaskContext } from '../../definitions/context.ts';
import { RetryAfter } from '../../definitions/retry.ts';
import { type AnyTask, defineTask, type TaskOptions } from '../../definitions/task.ts';
import { bundle, PluggedSite } from './plugged-site.ts';

type Run = (input: unknown, ctx: TaskContext) => unknown;
type Options = Omit<TaskOptions<string, unknown, unknown>, 'name' | 'run'>;

let site: PluggedSite;
let workflowBundle: WorkflowBundleWithSourceMap;
/** When each call of the task began. */
let calls: number[] = [];

beforeAll(async () => {
  site = await PluggedSite.create();
  workflowBundle = await bundle('task-flows.ts');
});

afterAll(() => site.remove());

beforeEach(() => {
  calls = [];
});

function task(name: string, options: Options, run: Run): AnyTask {
  return defineTask({
    name,
    ...options,
    run: (input: unknown, ctx) => {
      calls.push(performance.now());
      return run(input, ctx);
    },
  });
}

interface Given {
  readonly tasks: readonly AnyTask[];
  readonly input?: unknown;
  /** Of the activity. */
  readonly options?: Record<string, unknown>;
}

/** Runs the first task from a workflow. */
function run({ tasks, input = null, options = {} }: Given): Promise<unknown> {
  const taskQueue = site.newName('queue');
  const args = [tasks[0]?.name, input, options];
  return site.working({ taskQueue, workflowBundle, plugins: [site.plugin({ tasks })] }, () =>
    site.execute('taskFlow', { taskQueue, args }),
  );
}

/** Milliseconds between the calls. */
const waits = () => calls.slice(1).map((at, n) => at - (calls[n] as number));

describe('retries of a task in a workflow', () => {
  test('follow its own list of delays, and the last one repeats', async () => {
    const retry = { attempts: 4, delays: ['100ms', '700ms'], jitter: 0 } as const;
    const third = task('listed', { retry }, (_, { attempt }) => {
      if (attempt < 4) throw new Error('again');
      return attempt;
    });
    expect(await run({ tasks: [third] })).toBe(4);
    const [first = 0, second = 0, last = 0] = waits();
    expect(first).toBeGreaterThanOrEqual(95);
    expect(second).toBeGreaterThanOrEqual(690);
    expect(last).toBeGreaterThanOrEqual(690);
  });

  test('end with the attempts, and say so with the cause', async () => {
    const bad = task('bad', { retry: { attempts: 3, delays: ['1ms'] } }, () => {
      throw new RangeError('out of range', { cause: new Error('deep') });
    });
    await expect(run({ tasks: [bad] })).rejects.toMatchObject({
      cause: {
        cause: {
          type: 'RangeError',
          message: 'Task bad failed 3 times, its retries are used up: out of range',
          nonRetryable: true,
          cause: { message: 'out of range', cause: { message: 'deep' } },
        },
      },
    });
    expect(calls).toHaveLength(3);
  });

  test('end at once where `when` says so', async () => {
    const retry = { when: (error: unknown) => (error as Error).message !== 'final' };
    const bad = task('final', { retry }, () => {
      throw new Error('final');
    });
    await expect(run({ tasks: [bad] })).rejects.toMatchObject({
      cause: { cause: { message: 'Task final failed once, and is not tried again: final' } },
    });
    expect(calls).toHaveLength(1);
  });

  test('end at once for a failure that is not retryable, whose type and details stay', async () => {
    const bad = task('given', {}, () => {
      throw ApplicationFailure.nonRetryable('no such card', 'CardError', { card: 7 });
    });
    await expect(run({ tasks: [bad] })).rejects.toMatchObject({
      cause: { cause: { type: 'CardError', details: [{ card: 7 }] } },
    });
    expect(calls).toHaveLength(1);
  });

  test('RetryAfter uses up no try', async () => {
    const retry = { attempts: 2, delays: ['1ms'] } as const;
    const asked: number[] = [];
    const busy = task('busy', { retry }, (_, { attempt }) => {
      asked.push(attempt);
      if (calls.length < 4) throw new RetryAfter('100ms');
      if (calls.length === 4) throw new Error('a real failure');
      return attempt;
    });
    expect(await run({ tasks: [busy] })).toBe(2);
    expect(asked).toEqual([1, 1, 1, 1, 2]);
    for (const wait of waits().slice(0, 3)) expect(wait).toBeGreaterThanOrEqual(95);
  });

  test('a task that takes longer than its timeout is told so, and tried again', async () => {
    const slow = task('slow', { timeout: '200ms', retry: { delays: ['1ms'] } }, async (_, { signal, attempt }) => {
      if (attempt === 1) await sleep(30_000, undefined, { signal }).catch(() => undefined);
      if (attempt === 1) await new Promise(() => undefined);
      return attempt;
    });
    expect(await run({ tasks: [slow] })).toBe(2);
  });

  test('jitter spreads the delays', async () => {
    const retry = { attempts: 4, delays: ['200ms'], jitter: 1 } as const;
    const bad = task('spread', { retry }, () => {
      throw new Error('again');
    });
    await expect(run({ tasks: [bad] })).rejects.toThrow();
    const [a = 0, b = 0, c = 0] = waits();
    expect(Math.max(Math.abs(a - b), Math.abs(b - c))).toBeGreaterThan(0.5);
    for (const wait of [a, b, c]) expect(wait).toBeLessThan(5_000);
  });

  test('count from attempts of the activity where it is a local one', async () => {
    const taskQueue = site.newName('queue');
    const bad = task('local', { retry: { attempts: 3, delays: ['1ms'] } }, (_, { attempt }) => {
      throw new Error(`attempt ${attempt}`);
    });
    const running = site.working({ taskQueue, workflowBundle, plugins: [site.plugin({ tasks: [bad] })] }, () =>
      site.execute('localFlow', { taskQueue, args: ['local', null] }),
    );
    await expect(running).rejects.toMatchObject({
      cause: { message: 'Task local failed 3 times, its retries are used up: attempt 3' },
    });
  });
});

describe('what a task is given and gives', () => {
  test('its context has what a task needs, and no job', async () => {
    const keys: string[] = [];
    const seen = task('seen', { retry: { delays: ['1ms'] } }, (_, ctx) => {
      keys.push(ctx.idempotencyKey);
      if (ctx.attempt === 1) throw new Error('once more');
      const { attempt, jobId, itemKey, params } = ctx;
      return { attempt, jobId, itemKey, params, aborted: ctx.signal.aborted };
    });
    expect(await run({ tasks: [seen] })).toEqual({ attempt: 2, jobId: '', itemKey: '', params: {}, aborted: false });
    expect(keys[0]).toMatch(/^taskFlow-\d+\/[\da-f-]{36}\/\d+$/);
    expect(new Set(keys).size).toBe(1);
  });

  test('an input that does not fit its schema is refused once, with the issues', async () => {
    const strict = task('strict', { schema: z.object({ x: z.number() }) }, (input) => input);
    await expect(run({ tasks: [strict], input: { x: 'one' } })).rejects.toMatchObject({
      cause: { cause: { type: 'HF_INPUT_SCHEMA', message: expect.stringContaining('task strict') } },
    });
    expect(calls).toEqual([]);
  });

  test('it gets what the schema makes of the input', async () => {
    const made = task('made', { schema: z.object({ x: z.coerce.number() }) }, (input) => input);
    expect(await run({ tasks: [made], input: { x: '5' } })).toEqual({ x: 5 });
  });

  test.each([false, true])(
    'a result that cannot be stored is said with task and path (memoized: %s)',
    async (memoized) => {
      const odd = task(`odd-${memoized}`, { memoize: memoized ? {} : false }, () => ({ a: [1, { b: () => 1 }] }));
      await expect(run({ tasks: [odd] })).rejects.toMatchObject({
        cause: {
          cause: {
            type: 'HF_RESULT_NOT_STORABLE',
            nonRetryable: true,
            message: expect.stringMatching(/^Task odd-(true|false): The value at \$\.a\[1\]\.b .*cannot be stored/),
          },
        },
      });
      expect(calls).toHaveLength(1);
    },
  );

  test('a key that cannot be exact fails once', async () => {
    const odd = task('keyless', { memoize: { key: () => ({ at: [() => 1] }) } }, () => 1);
    await expect(run({ tasks: [odd] })).rejects.toMatchObject({
      cause: { cause: { type: 'HF_MEMO_KEY', message: expect.stringContaining('keyless') } },
    });
    expect(calls).toEqual([]);
  });

  test('what is memoized is taken unless the call or the task asks for a refresh', async () => {
    let value = 0;
    const count = task('counted', { memoize: {} }, () => ++value);
    const always = task('always', { memoize: { refresh: true } }, () => ++value);
    expect(await run({ tasks: [count] })).toBe(1);
    expect(await run({ tasks: [count] })).toBe(1);
    expect(await run({ tasks: [count], options: { refresh: true } })).toBe(2);
    expect(await run({ tasks: [count] })).toBe(2);
    expect([await run({ tasks: [always] }), await run({ tasks: [always] })]).toEqual([3, 4]);
  });

  test('tasks that it calls are memoized on their own, and know its context', async () => {
    const inner = task('inner', { memoize: {} }, (input, { idempotencyKey }) => [input, typeof idempotencyKey]);
    const outer = task('outer', {}, async () => {
      const call = inner as unknown as (input: number) => Promise<unknown>;
      return [await call(1), await call(1), await call(2)];
    });
    const one = [1, 'string'];
    expect(await run({ tasks: [outer, inner] })).toEqual([one, one, [2, 'string']]);
    expect(calls).toHaveLength(3);
  });

  test('transactions are told apart by whose they are and their order, and a later try makes none again', async () => {
    const count = (ctx: TaskContext) =>
      ctx.transaction('sqlite:counted.db', async (tx) => {
        await tx.run('CREATE TABLE IF NOT EXISTS counted (id INTEGER PRIMARY KEY)');
        await tx.run('INSERT INTO counted DEFAULT VALUES');
        return (await tx.all<{ n: number }>('SELECT count(*) AS n FROM counted'))[0]?.n;
      });
    const inner = task('inner-count', {}, (_, ctx) => count(ctx));
    const outer = task('outer-count', { retry: { delays: ['1ms'] } }, async (_, ctx) => {
      const call = inner as unknown as (input: number) => Promise<unknown>;
      const found = [await count(ctx), await count(ctx), await call(1), await call(1), await call(2)];
      if (ctx.attempt === 1) throw new Error('once more');
      return found;
    });
    expect(await run({ tasks: [outer, inner] })).toEqual([1, 2, 3, 4, 5]);
  });

  test.each([false, true])(
    'a transaction within a memoized task is refused (in a task that it calls: %s)',
    async (within) => {
      const write = (_: unknown, ctx: TaskContext) => ctx.transaction('sqlite:never.db', () => 1);
      const plain = task('plain-write', {}, write);
      const memoized = task(`memoized-${within}`, { memoize: {} }, (input, ctx) =>
        within ? (plain as unknown as (input: unknown) => unknown)(input) : write(input, ctx),
      );
      await expect(run({ tasks: [memoized, plain] })).rejects.toMatchObject({
        cause: { cause: { type: 'HF_TRANSACTION_MEMOIZED', nonRetryable: true } },
      });
    },
  );

  test('a task that is completed from elsewhere is neither a failure nor stored', async () => {
    const elsewhere = task('elsewhere', { memoize: {} }, () => {
      throw new CompleteAsyncError();
    });
    const taskQueue = site.newName('queue');
    const workflowId = site.newName('elsewhere');
    await site.working({ taskQueue, workflowBundle, plugins: [site.plugin({ tasks: [elsewhere] })] }, async () => {
      for (const value of ['one', 'two']) {
        const before = calls.length;
        const handle = await site.client.workflow.start('taskFlow', { taskQueue, workflowId, args: ['elsewhere', 1] });
        while (calls.length === before) await sleep(20);
        await sleep(200);
        await site.client.activity.complete({ workflowId, runId: handle.firstExecutionRunId, activityId: '1' }, value);
        expect(await handle.result()).toBe(value);
      }
    });
  });

  test('logConsole sends what it prints to the log', async () => {
    const lines: string[] = [];
    const note = (message: string) => void lines.push(message);
    const talks = task('talks', { logConsole: true }, () => console.log('I am', { here: true }));
    const taskQueue = site.newName('queue');
    const log = { debug: note, info: note, warn: note, error: note };
    await site.working({ taskQueue, workflowBundle, plugins: [site.plugin({ tasks: [talks], log })] }, () =>
      site.execute('taskFlow', { taskQueue, args: ['talks', 1] }),
    );
    expect(lines).toContain('I am { here: true }');
  });
});

describe('a task that is told to stop', () => {
  test('a cancelled workflow cancels it: its signal tells, and the workflow sees a cancellation', async () => {
    const reasons: unknown[] = [];
    const waits = task('waits', {}, async (_, { signal }) => {
      await sleep(60_000, undefined, { signal }).catch((error) => reasons.push(error.name));
      throw new Error('interrupted');
    });
    const taskQueue = site.newName('queue');
    await site.working({ taskQueue, workflowBundle, plugins: [site.plugin({ tasks: [waits] })] }, async () => {
      const workflowId = site.newName('cancelled');
      const args = ['waits', 1, { cancellationType: 'WAIT_CANCELLATION_COMPLETED', heartbeatTimeout: '1s' }];
      const handle: WorkflowHandle = await site.client.workflow.start('taskFlow', { taskQueue, workflowId, args });
      while (calls.length === 0) await sleep(20);
      await handle.cancel();
      await expect(handle.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
    });
    expect(reasons).toEqual(['AbortError']);
    expect(calls).toHaveLength(1);
  });

  test('a worker that leaves gives it back, which uses up no try', async () => {
    const attempts: number[] = [];
    const moved = task('moved', { retry: { attempts: 1 } }, async (_, { signal, attempt }) => {
      attempts.push(attempt);
      if (attempts.length === 1) await sleep(60_000, undefined, { signal });
      return 'done';
    });
    const taskQueue = site.newName('queue');
    const options = () => ({ taskQueue, workflowBundle, plugins: [site.plugin({ tasks: [moved] })] });
    const workflowId = site.newName('moved');
    const handle = await site.working(options(), async () => {
      const started = await site.client.workflow.start('taskFlow', { taskQueue, workflowId, args: ['moved', 1] });
      while (attempts.length === 0) await sleep(20);
      return started;
    });
    expect(await site.working(options(), () => handle.result())).toBe('done');
    expect(attempts).toEqual([1, 1]);
  });
});
