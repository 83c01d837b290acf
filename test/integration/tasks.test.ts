import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { CompleteAsyncError } from '@temporalio/activity';
import type { WorkflowHandle } from '@temporalio/client';
import { z } from 'zod';
import type { TaskContext } from '../../definitions/context.ts';
import { TaskBench } from './task-bench.ts';

const bench = new TaskBench();
const { task, run } = bench;

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
    expect(keys[0]).toMatch(/^taskFlow-\d+\/[\da-f-]{36}\/\d+\/\d+$/);
    expect(new Set(keys).size).toBe(1);
  });

  test('an input that does not fit its schema is refused once, with the issues', async () => {
    const strict = task('strict', { schema: z.object({ x: z.number() }) }, (input) => input);
    await expect(run({ tasks: [strict], input: { x: 'one' } })).rejects.toMatchObject({
      cause: { cause: { type: 'HF_INPUT_SCHEMA', message: expect.stringContaining('task strict') } },
    });
    expect(bench.calls).toEqual([]);
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
      expect(bench.calls).toHaveLength(1);
    },
  );

  test('a key that cannot be exact fails once', async () => {
    const odd = task('keyless', { memoize: { key: () => ({ at: [() => 1] }) } }, () => 1);
    await expect(run({ tasks: [odd] })).rejects.toMatchObject({
      cause: { cause: { type: 'HF_MEMO_KEY', message: expect.stringContaining('keyless') } },
    });
    expect(bench.calls).toEqual([]);
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
    expect(bench.calls).toHaveLength(3);
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
    const taskQueue = bench.site.newName('queue');
    const workflowId = bench.site.newName('elsewhere');
    await bench.site.working(
      { taskQueue, workflowBundle: bench.workflowBundle, plugins: [bench.site.plugin({ tasks: [elsewhere] })] },
      async () => {
        for (const value of ['one', 'two']) {
          const before = bench.calls.length;
          const handle = await bench.site.client.workflow.start('taskFlow', {
            taskQueue,
            workflowId,
            args: ['elsewhere', 1],
          });
          while (bench.calls.length === before) await sleep(20);
          await sleep(200);
          await bench.site.client.activity.complete(
            { workflowId, runId: handle.firstExecutionRunId, activityId: '1' },
            value,
          );
          expect(await handle.result()).toBe(value);
        }
      },
    );
  });

  test('logConsole sends what it prints to the log', async () => {
    const lines: string[] = [];
    const note = (message: string) => void lines.push(message);
    const talks = task('talks', { logConsole: true }, () => console.log('I am', { here: true }));
    const taskQueue = bench.site.newName('queue');
    const log = { debug: note, info: note, warn: note, error: note };
    await bench.site.working(
      { taskQueue, workflowBundle: bench.workflowBundle, plugins: [bench.site.plugin({ tasks: [talks], log })] },
      () => bench.site.execute('taskFlow', { taskQueue, args: ['talks', 1] }),
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
    const taskQueue = bench.site.newName('queue');
    await bench.site.working(
      { taskQueue, workflowBundle: bench.workflowBundle, plugins: [bench.site.plugin({ tasks: [waits] })] },
      async () => {
        const workflowId = bench.site.newName('cancelled');
        const args = ['waits', 1, { cancellationType: 'WAIT_CANCELLATION_COMPLETED', heartbeatTimeout: '1s' }];
        const handle: WorkflowHandle = await bench.site.client.workflow.start('taskFlow', {
          taskQueue,
          workflowId,
          args,
        });
        while (bench.calls.length === 0) await sleep(20);
        await handle.cancel();
        await expect(handle.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
      },
    );
    expect(reasons).toEqual(['AbortError']);
    expect(bench.calls).toHaveLength(1);
  });

  test('a worker that leaves gives it back, which uses up no try', async () => {
    const attempts: number[] = [];
    const moved = task('moved', { retry: { attempts: 1 } }, async (_, { signal, attempt }) => {
      attempts.push(attempt);
      if (attempts.length === 1) await sleep(60_000, undefined, { signal });
      return 'done';
    });
    const taskQueue = bench.site.newName('queue');
    const options = () => ({
      taskQueue,
      workflowBundle: bench.workflowBundle,
      plugins: [bench.site.plugin({ tasks: [moved], shutdownGrace: '500ms' })],
    });
    const workflowId = bench.site.newName('moved');
    const handle = await bench.site.working(options(), async () => {
      const started = await bench.site.client.workflow.start('taskFlow', { taskQueue, workflowId, args: ['moved', 1] });
      while (attempts.length === 0) await sleep(20);
      return started;
    });
    expect(await bench.site.working(options(), () => handle.result())).toBe('done');
    expect(attempts).toEqual([1, 1]);
  });
});
