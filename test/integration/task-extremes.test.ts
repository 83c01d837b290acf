import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { Context } from '@temporalio/activity';
import { ApplicationFailure, type PayloadCodec } from '@temporalio/common';
import type { TaskContext } from '../../definitions/context.ts';
import { TaskBench } from './task-bench.ts';

const bench = new TaskBench();
const { task, run, runEach } = bench;

const circular = new Error('circular');
circular.cause = circular;

describe('whatever a task throws', () => {
  test('its tries are used up, its worker lives, and the workflow is told', async () => {
    const thrown: Record<string, unknown> = {
      undefined: undefined,
      null: null,
      symbol: Symbol('a symbol'),
      'object-without-prototype': Object.create(null),
      'error-within-itself': circular,
      'message-of-megabytes': new Error('x'.repeat(3_000_000)),
      'cause-of-megabytes': new Error('caused', { cause: new Error('x'.repeat(6_000_000)) }),
      'message-that-throws': Object.defineProperty({}, 'message', {
        get: () => {
          throw new Error('no message');
        },
      }),
      'details-without-json': ApplicationFailure.create({ message: 'detailed', details: [12n] }),
    };
    const retry = { attempts: 2, delays: ['1ms'] } as const;
    const names = Object.keys(thrown);
    const ended = await runEach(
      names.map((name) =>
        task(name, { retry }, () => {
          throw thrown[name];
        }),
      ),
    );
    for (const [n, name] of names.entries()) {
      const message = expect.stringContaining(`Task ${name} failed 2 times, its retries are used up: `);
      expect(ended[n]).toMatchObject({ reason: { cause: { cause: { message, nonRetryable: true } } } });
    }
    expect(bench.calls).toHaveLength(2 * names.length);
  });
});

describe('what Temporal would not carry', () => {
  test.each([false, true])(
    'a result beyond its limit is refused once, with size and limit (memoized: %s)',
    async (memoized) => {
      const large = task(`large-${memoized}`, { memoize: memoized ? {} : false }, () => 'x'.repeat(3_000_000));
      const message = expect.stringMatching(/result of task large-(true|false) is 30000\d\d bytes .* takes 2097152/);
      await expect(run({ tasks: [large] })).rejects.toMatchObject({
        cause: { cause: { type: 'HF_PAYLOAD_TOO_LARGE', message, nonRetryable: true } },
      });
      expect(bench.calls).toHaveLength(1);
    },
  );
});

describe('heartbeats', () => {
  test('what the function says with its own heartbeat is there for the next attempt, beside the count of failures', async () => {
    const seen: unknown[] = [];
    const pages = task('pages', { retry: { attempts: 4, delays: ['1ms'] } }, async (_, { attempt }) => {
      const { info } = Context.current();
      seen.push([attempt, info.heartbeatDetails]);
      if (attempt === 1 || attempt === 3) Context.current().heartbeat({ page: attempt });
      // The task's own heartbeat comes in between.
      if (attempt === 1) await sleep(1_100);
      if (attempt < 4) throw new Error('again');
      return 'done';
    });
    expect(await run({ tasks: [pages] })).toBe('done');
    expect(seen).toEqual([
      [1, undefined],
      [2, { page: 1 }],
      [3, { page: 1 }],
      [4, { page: 3 }],
    ]);
  });

  test('come in time for whatever heartbeat timeout the workflow gives', async () => {
    const long = task('long', {}, () => sleep(1_500, 'done'));
    expect(await run({ tasks: [long], options: { heartbeatTimeout: '500ms' } })).toBe('done');
    expect(bench.calls).toHaveLength(1);
  });
});

const flip = (data: Uint8Array | null | undefined) => data?.map((byte) => byte ^ 0xff) ?? null;

/** Turns bytes around, and leaves alone what was sent without it. */
const codec: PayloadCodec = {
  encode: async (payloads) =>
    payloads.map(({ metadata, data }) => ({
      metadata: { encoding: Buffer.from('binary/turned'), inner: metadata?.['encoding'] ?? new Uint8Array() },
      data: flip(data),
    })),
  decode: async (payloads) =>
    payloads.map((payload) => {
      const inner = payload.metadata?.['inner'];
      return inner ? { metadata: { encoding: inner }, data: flip(payload.data) } : payload;
    }),
};

describe('what is recorded of a call', () => {
  test('steps of one name at once are one step, and one within itself is refused', async () => {
    let steps = 0;
    const twice = task('twice-at-once', {}, async (_, ctx) => {
      const step = () => ctx.once('step', () => sleep(20, ++steps));
      const within = ctx.once('outer', () => ctx.once('outer', () => 1)).catch((error) => error.code);
      return [await Promise.all([step(), step(), step()]), await within];
    });
    expect(await run({ tasks: [twice] })).toEqual([[1, 1, 1], 'HF_ONCE_NAME']);
  });

  test('a step recorded before payload codecs were added is taken with them', async () => {
    let steps = 0;
    const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
    const stepping = task('stepping', { retry: { delays: ['1ms'] } }, async (_, ctx) => {
      const step = await ctx.once('step', () => ++steps);
      if (bench.calls.length === 1) stop();
      if (bench.calls.length === 1) await sleep(60_000, undefined, { signal: ctx.signal });
      return step;
    });
    const { site, workflowBundle } = bench;
    const taskQueue = site.newName('queue');
    const options = () => ({
      taskQueue,
      workflowBundle,
      plugins: [site.plugin({ tasks: [stepping], shutdownGrace: '1ms' })],
    });
    const args = ['stepping', null];
    const handle = await site.working(options(), async () => {
      const started = await site.client.workflow.start('taskFlow', {
        taskQueue,
        workflowId: site.newName('sealed'),
        args,
      });
      await stopped;
      return started;
    });
    const dataConverter = { payloadCodecs: [codec] };
    const found = await site.working({ ...options(), dataConverter }, () =>
      site.clientWith({ dataConverter }).workflow.getHandle(handle.workflowId).result(),
    );
    expect([found, steps]).toEqual([1, 1]);
  });

  test('calls one after the other under an activity id of the workflow are calls of their own', async () => {
    const tries: string[] = [];
    const count = task('count', { retry: { delays: ['1ms'] } }, async (_, ctx: TaskContext) => {
      tries.push(ctx.idempotencyKey);
      const rows = await ctx.transaction('sqlite:same-id.db', async (tx) => {
        await tx.run('CREATE TABLE IF NOT EXISTS counted (id INTEGER PRIMARY KEY)');
        await tx.run('INSERT INTO counted DEFAULT VALUES');
        return tx.all<{ n: number }>('SELECT count(*) AS n FROM counted');
      });
      if (ctx.attempt === 1) throw new Error('once more');
      return rows[0]?.n;
    });
    const { site, workflowBundle } = bench;
    const taskQueue = site.newName('queue');
    const found = await site.working({ taskQueue, workflowBundle, plugins: [site.plugin({ tasks: [count] })] }, () =>
      site.execute('twiceFlow', { taskQueue, args: ['count', null, { activityId: 'chosen' }] }),
    );
    expect(found).toEqual([1, 2]);
    expect(tries).toHaveLength(4);
    expect(new Set(tries).size).toBe(2);
  });

  test('a transaction within another on its database is refused at once', async () => {
    const nested = task('nested', {}, (_, ctx) =>
      ctx.transaction('sqlite:nested.db', () => ctx.transaction('sqlite:nested.db', () => 1)),
    );
    await expect(run({ tasks: [nested] })).rejects.toMatchObject({
      cause: { cause: { type: 'HF_TX_NESTED', nonRetryable: true } },
    });
  });
});
