import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { CompleteAsyncError, Context } from '@temporalio/activity';
import type { PayloadCodec } from '@temporalio/common';
import { Worker, type WorkerOptions, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { defineTask } from '../../definitions/task.ts';
import type { MemoizeActivities } from '../../worker/index.ts';
import { bundle, PluggedSite } from './plugged-site.ts';
import * as tasks from './programs/task-definitions.ts';

let site: PluggedSite;
let workflowBundle: WorkflowBundleWithSourceMap;
let calls: unknown[][] = [];
/** What `fetchUser` waits for. */
let gate: Promise<void> = Promise.resolve();
let tokens: Uint8Array[] = [];

const activities = {
  async fetchUser(...args: unknown[]) {
    calls.push(args);
    await gate;
    return { id: args[0], at: 'now' };
  },
  async fetchOften(...args: unknown[]) {
    calls.push(args);
    if (calls.length < 3) throw new Error('not yet');
    return calls.length;
  },
  async completedElsewhere() {
    calls.push([]);
    tokens.push(Context.current().info.taskToken);
    throw new CompleteAsyncError();
  },
  async nothing() {
    calls.push([]);
  },
  async now() {
    calls.push([]);
    return new Date(99);
  },
};

const memoizeActivities: MemoizeActivities = {
  fetchUser: { expires: '1 hour' },
  fetchOften: {},
  completedElsewhere: {},
  nothing: {},
  now: {},
};

beforeAll(async () => {
  site = await PluggedSite.create();
  workflowBundle = await bundle('task-flows.ts');
});

afterAll(() => site.remove());

beforeEach(() => {
  calls = [];
  tokens = [];
  gate = Promise.resolve();
  tasks.calls.length = 0;
});

interface Run {
  readonly name: string;
  readonly args?: readonly unknown[];
  readonly kind?: 'local' | 'ordinary';
}

async function run(
  work: (call: (run: Run) => Promise<unknown>) => Promise<unknown>,
  memoize: MemoizeActivities = memoizeActivities,
  more: Partial<WorkerOptions> = {},
): Promise<unknown> {
  const taskQueue = site.newName('queue');
  const client = site.clientWith(more.dataConverter ? { dataConverter: more.dataConverter } : {});
  const call = ({ name, args = [], kind = 'ordinary' }: Run) =>
    site.execute('activityFlow', { taskQueue, args: [kind, name, args], client });
  const plugins = [site.plugin({ tasks, memoizeActivities: memoize })];
  return site.working({ taskQueue, workflowBundle, activities, plugins, ...more }, () => work(call));
}

describe('activities that are no tasks', () => {
  test('equal arguments are computed once, other ones for themselves', async () => {
    const found = await run(async (call) => [
      await call({ name: 'fetchUser', args: ['a', { deep: 1 }] }),
      await call({ name: 'fetchUser', args: ['a', { deep: 1 }] }),
      await call({ name: 'fetchUser', args: ['b', { deep: 1 }] }),
    ]);
    expect(found).toEqual([
      { id: 'a', at: 'now' },
      { id: 'a', at: 'now' },
      { id: 'b', at: 'now' },
    ]);
    expect(calls.map(([id]) => id)).toEqual(['a', 'b']);
  });

  test('a local one takes what an ordinary one computed, and the other way round', async () => {
    await run(async (call) => {
      await call({ name: 'fetchUser', args: ['c'] });
      await call({ name: 'fetchUser', args: ['c'], kind: 'local' });
      await call({ name: 'fetchUser', args: ['d'], kind: 'local' });
      await call({ name: 'fetchUser', args: ['d'] });
    });
    expect(calls).toEqual([['c'], ['d']]);
  });

  test('one that no workflow started is memoized, too', async () => {
    const taskQueue = site.newName('queue');
    const plugins = [site.plugin({ tasks, memoizeActivities })];
    const start = (activity: string, args: unknown[]) =>
      site.client.activity.execute(activity, {
        id: site.newName('alone'),
        taskQueue,
        args,
        startToCloseTimeout: '1 minute',
      });
    const found = await site.working({ taskQueue, activities, plugins }, async () => [
      await start('fetchUser', ['alone']),
      await start('fetchUser', ['alone']),
      await start('add', [{ x: 70, y: 7 }]),
      await start('add', [{ x: 70, y: 7 }]),
    ]);
    expect(found).toEqual([{ id: 'alone', at: 'now' }, { id: 'alone', at: 'now' }, 77, 77]);
    expect(calls).toEqual([['alone']]);
    expect(tasks.calls).toEqual(['add 70 7']);
  });

  test('a task called as a local activity is memoized', async () => {
    const add = { name: 'add', args: [{ x: 80, y: 8 }], kind: 'local' } as const;
    expect(await run(async (call) => [await call(add), await call(add)])).toEqual([88, 88]);
    expect(tasks.calls).toEqual(['add 80 8']);
  });

  test('another version is computed anew, and key chooses the arguments that decide', async () => {
    const user = (...args: unknown[]) => ({ name: 'fetchUser', args });
    const byId: MemoizeActivities = { fetchUser: { version: '2', key: (id: string) => ['user', id] } };
    await run((call) => call(user('e', 1)), { fetchUser: { version: '1' } });
    await run(async (call) => [await call(user('e', 1)), await call(user('e', 2))], byId);
    expect(calls).toEqual([
      ['e', 1],
      ['e', 1],
    ]);
  });

  test('what has expired is computed anew', async () => {
    const brief: MemoizeActivities = { fetchUser: { expires: '1ms', version: 'brief' } };
    await run(async (call) => {
      await call({ name: 'fetchUser', args: ['f'] });
      await sleep(10);
      await call({ name: 'fetchUser', args: ['f'] });
    }, brief);
    expect(calls).toEqual([['f'], ['f']]);
  });

  test('two calls at once compute once', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    gate = promise;
    await run(async (call) => {
      const both = [1, 2].map(() => call({ name: 'fetchUser', args: ['g'] }));
      await sleep(300);
      resolve();
      await Promise.all(both);
    });
    expect(calls).toEqual([['g']]);
  });

  test('a failure is not stored, and the retry policy is that of the workflow', async () => {
    expect(await run((call) => call({ name: 'fetchOften' }))).toBe(3);
    expect(await run((call) => call({ name: 'fetchOften' }))).toBe(3);
    expect(calls).toHaveLength(3);
  });

  test('one that is completed from elsewhere is never stored', async () => {
    const once = (call: (run: Run) => Promise<unknown>, value: string) => async () => {
      const before = tokens.length;
      const result = call({ name: 'completedElsewhere' });
      while (tokens.length === before) await sleep(20);
      await site.client.activity.complete(tokens.at(-1) as Uint8Array, value);
      return result;
    };
    const found = await run(async (call) => [await once(call, 'one')(), await once(call, 'two')()]);
    expect(found).toEqual(['one', 'two']);
    expect(calls).toHaveLength(2);
  });

  test('a result of nothing is stored as nothing', async () => {
    const found = await run(async (call) => [await call({ name: 'nothing' }), await call({ name: 'nothing' })]);
    expect(found).toEqual([undefined, undefined]);
    expect(calls).toHaveLength(1);
  });

  test('arguments that have no exact key are refused with the path, once', async () => {
    const failing = run((call) => call({ name: 'fetchUser', args: [{ deep: Number.MAX_VALUE }] }), {
      fetchUser: { key: () => ({ deep: () => 1 }) },
    });
    await expect(failing).rejects.toMatchObject({ cause: { cause: { type: 'HF_MEMO_KEY' } } });
    expect(calls).toEqual([]);
  });

  test('a name that no activity has is warned of, once, with the one that is near', async () => {
    const warned: string[] = [];
    const log = { debug() {}, info() {}, warn: (line: string) => void warned.push(line), error() {} };
    const plugins = [site.plugin({ log, memoizeActivities: { fetchUsr: {}, fetchOften: {}, elsewhere: {} } })];
    const made = (own: object) => {
      const options = { connection: site.native, taskQueue: site.newName('queue'), plugins };
      return Worker.create({ ...options, activities: own });
    };
    // Several Workers may share what is configured.
    const workers = [
      await made({ fetchUser: activities.fetchUser }),
      await made({ fetchOften: activities.fetchOften }),
    ];
    for (const worker of [...workers, await made({ fetchUser: activities.fetchUser })]) {
      await worker.runUntil(async () => undefined);
    }
    expect(warned).toEqual([
      'memoizeActivities.fetchUsr memoizes nothing: no Worker with this plugin has an activity of that name (did you mean fetchUser?).',
      'memoizeActivities.elsewhere memoizes nothing: no Worker with this plugin has an activity of that name.',
    ]);
    warned.length = 0;
    const any = [site.plugin({ log, memoizeActivities: { whatever: {} } })];
    const options = { taskQueue: site.newName('queue'), plugins: any, activities: { default: activities.now } };
    await site.working(options, async () => undefined);
    expect(warned).toEqual([]);
  });

  test('an unknown option is refused by name', () => {
    expect(() => site.plugin({ memoizeActivities: { fetchUser: { expire: '1 hour' } as never } })).toThrow('expires');
  });
});

/** Turns bytes around: what is stored is not readable. */
const codec: PayloadCodec = {
  encode: async (payloads) =>
    payloads.map(({ metadata, data }) => ({
      metadata: { encoding: Buffer.from('binary/turned'), inner: metadata?.['encoding'] ?? new Uint8Array() },
      data: (data ?? new Uint8Array()).map((byte) => byte ^ 0xff),
    })),
  decode: async (payloads) =>
    payloads.map(({ metadata, data }) => ({
      metadata: { encoding: metadata?.['inner'] ?? new Uint8Array() },
      data: (data ?? new Uint8Array()).map((byte) => byte ^ 0xff),
    })),
};

describe("the user's data converter", () => {
  test('payload codecs apply to what is stored: no plain text is in the store', async () => {
    const dataConverter = { payloadCodecs: [codec] };
    const work = (call: (run: Run) => Promise<unknown>) => call({ name: 'fetchUser', args: ['very secret'] });
    expect(await run(work, memoizeActivities, { dataConverter })).toEqual({ id: 'very secret', at: 'now' });
    expect(await run(work, memoizeActivities, { dataConverter })).toEqual({ id: 'very secret', at: 'now' });
    expect(calls).toHaveLength(1);
    expect(readFileSync(site.store, 'latin1')).not.toContain('very secret');
  });

  test('recorded steps are sealed as well, and come back', async () => {
    const dataConverter = { payloadCodecs: [codec] };
    const found: unknown[] = [];
    let stored = '';
    const steps = defineTask({
      name: 'steps',
      retry: { delays: ['1ms'] },
      run: async (_: null, ctx) => {
        found.push(await ctx.once('step', () => 'a secret step'));
        stored += readFileSync(site.store, 'latin1') + readFileSync(`${site.store}-wal`, 'latin1');
        if (ctx.attempt === 1) throw new Error('once more');
        return 'done';
      },
    });
    const taskQueue = site.newName('queue');
    const plugins = [site.plugin({ tasks: [steps] })];
    const client = site.clientWith({ dataConverter });
    await site.working({ taskQueue, workflowBundle, plugins, dataConverter }, () =>
      site.execute('taskFlow', { taskQueue, args: ['steps', null], client }),
    );
    expect(found).toEqual(['a secret step', 'a secret step']);
    expect(stored).toContain('hf_task_once');
    expect(stored).not.toContain('a secret step');
  });

  test('a payload converter makes what is stored come back as the workflow would have got it', async () => {
    const payloadConverterPath = createRequire(import.meta.url).resolve('./programs/cross-converter.ts');
    const converted = await bundle('task-flows.ts', [], { payloadConverterPath });
    const dataConverter = { payloadConverterPath };
    const twice = (call: (run: Run) => Promise<unknown>) => Promise.all([call({ name: 'now' }), call({ name: 'now' })]);
    const found = await run(twice, memoizeActivities, { dataConverter, workflowBundle: converted });
    expect(found).toEqual([new Date(99), new Date(99)]);
    expect(calls).toHaveLength(1);
  });
});
