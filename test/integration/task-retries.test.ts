import { renameSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import { HoldfastError } from '../../definitions/errors.ts';
import { RetryAfter } from '../../definitions/retry.ts';
import { TaskBench } from './task-bench.ts';

const bench = new TaskBench();
const { task, run } = bench;

describe('retries of a task in a workflow', () => {
  test('follow its own list of delays, and the last one repeats', async () => {
    const retry = { attempts: 4, delays: ['100ms', '700ms'], jitter: 0 } as const;
    const third = task('listed', { retry }, (_, { attempt }) => {
      if (attempt < 4) throw new Error('again');
      return attempt;
    });
    expect(await run({ tasks: [third] })).toBe(4);
    const [first = 0, second = 0, last = 0] = bench.waits();
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
    expect(bench.calls).toHaveLength(3);
  });

  test('leave with each failure where the function failed, not only with the last one', async () => {
    const { promise: looked, resolve } = Promise.withResolvers<void>();
    const once = task(
      'traced',
      { retry: { attempts: 2, delays: ['1ms'] } },
      async function whereItFails(_, { attempt }) {
        if (attempt === 1) throw new RangeError('out of range', { cause: new Error('deep') });
        await looked;
      },
    );
    const { site, workflowBundle } = bench;
    const taskQueue = site.newName('queue');
    await site.working({ taskQueue, workflowBundle, plugins: [site.plugin({ tasks: [once] })] }, async () => {
      const args = ['traced', null, {}];
      const handle = await site.client.workflow.start('taskFlow', {
        taskQueue,
        args,
        workflowId: site.newName('traced'),
      });
      while (bench.calls.length < 2) await sleep(20);
      const { raw } = await handle.describe();
      expect(raw.pendingActivities?.[0]?.lastFailure).toMatchObject({
        message: 'out of range',
        stackTrace: expect.stringMatching(/whereItFails.*task-retries\.test\.ts/),
        cause: { message: 'deep' },
      });
      resolve();
      await handle.result();
    });
  });

  test('end at once where `when` says so', async () => {
    const retry = { when: (error: unknown) => (error as Error).message !== 'final' };
    const bad = task('final', { retry }, () => {
      throw new Error('final');
    });
    await expect(run({ tasks: [bad] })).rejects.toMatchObject({
      cause: { cause: { message: 'Task final failed once, and is not tried again: final' } },
    });
    expect(bench.calls).toHaveLength(1);
  });

  test('end at once for a failure that is not retryable, whose type and details stay', async () => {
    const bad = task('given', {}, () => {
      throw ApplicationFailure.nonRetryable('no such card', 'CardError', { card: 7 });
    });
    await expect(run({ tasks: [bad] })).rejects.toMatchObject({
      cause: { cause: { type: 'CardError', details: [{ card: 7 }] } },
    });
    expect(bench.calls).toHaveLength(1);
  });

  test('RetryAfter uses up no try', async () => {
    const retry = { attempts: 2, delays: ['1ms'] } as const;
    const asked: number[] = [];
    const busy = task('busy', { retry }, (_, { attempt }) => {
      asked.push(attempt);
      if (bench.calls.length < 4) throw new RetryAfter('100ms');
      if (bench.calls.length === 4) throw new Error('a real failure');
      return attempt;
    });
    expect(await run({ tasks: [busy] })).toBe(2);
    expect(asked).toEqual([1, 1, 1, 1, 2]);
    for (const wait of bench.waits().slice(0, 3)) expect(wait).toBeGreaterThanOrEqual(95);
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
    const [a = 0, b = 0, c = 0] = bench.waits();
    expect(Math.max(Math.abs(a - b), Math.abs(b - c))).toBeGreaterThan(0.5);
    for (const wait of [a, b, c]) expect(wait).toBeLessThan(5_000);
  });

  test('a store that cannot be used for a while uses up no try', async () => {
    const only = task('only-once', { memoize: {}, retry: { attempts: 1 } }, () => 'computed');
    const { site, workflowBundle } = bench;
    const taskQueue = site.newName('queue');
    const found = await site.working(
      { taskQueue, workflowBundle, plugins: [site.plugin({ tasks: [only] })] },
      async () => {
        await site.execute('taskFlow', { taskQueue, args: ['only-once', 'before'] });
        renameSync(site.store, `${site.store}.away`);
        const running = site.execute('taskFlow', { taskQueue, args: ['only-once', 'during'] });
        await sleep(1_000);
        expect(bench.calls).toHaveLength(1);
        renameSync(`${site.store}.away`, site.store);
        return running;
      },
    );
    expect(found).toBe('computed');
    expect(bench.calls).toHaveLength(2);
  });

  test('a database that another program holds uses up no try', async () => {
    const held = task('held', { retry: { attempts: 1 } }, () => {
      if (bench.calls.length === 1) throw new HoldfastError('HF_DATABASE_LOCKED', { database: 'shop.db' });
      return 'written';
    });
    expect(await run({ tasks: [held] })).toBe('written');
  });

  test('count from attempts of the activity where it is a local one', async () => {
    const taskQueue = bench.site.newName('queue');
    const bad = task('local', { retry: { attempts: 3, delays: ['1ms'] } }, (_, { attempt }) => {
      throw new Error(`attempt ${attempt}`);
    });
    const running = bench.site.working(
      { taskQueue, workflowBundle: bench.workflowBundle, plugins: [bench.site.plugin({ tasks: [bad] })] },
      () => bench.site.execute('localFlow', { taskQueue, args: ['local', null] }),
    );
    await expect(running).rejects.toMatchObject({
      cause: { message: 'Task local failed 3 times, its retries are used up: attempt 3' },
    });
  });
});
