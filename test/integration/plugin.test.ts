import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker, type WorkerPlugin, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { defineTask } from '../../definitions/task.ts';
import { HoldfastPlugin } from '../../worker/index.ts';
import { bundle, PluggedSite } from './plugged-site.ts';
import * as tasks from './programs/task-definitions.ts';

let site: PluggedSite;
let workflowBundle: WorkflowBundleWithSourceMap;

beforeAll(async () => {
  site = await PluggedSite.create();
  workflowBundle = await bundle('task-flows.ts');
});

afterAll(() => site.remove());

beforeEach(() => {
  tasks.calls.length = 0;
});

describe('tasks in a workflow of the user', () => {
  test('a task is computed once over runs and restarts of the worker', async () => {
    const taskQueue = 'own-queue';
    const add = () => site.execute<number>('addFlow', { taskQueue, args: [1, 2] });
    const options = () => ({ taskQueue, workflowBundle, plugins: [site.plugin({ tasks })] });
    expect(await site.working(options(), async () => [await add(), await add()])).toEqual([3, 3]);
    expect(await site.working(options(), add)).toBe(3);
    expect(tasks.calls).toEqual(['add 1 2']);
  });

  test('two calls at once compute once', async () => {
    const taskQueue = site.newName('queue');
    const add = () => site.execute<number>('addFlow', { taskQueue, args: [20, 2] });
    const options = { taskQueue, workflowBundle, plugins: [site.plugin({ tasks })] };
    expect(await site.working(options, () => Promise.all([add(), add(), add()]))).toEqual([22, 22, 22]);
    expect(tasks.calls).toEqual(['add 20 2']);
  });

  test('special values come back as they went in', async () => {
    const taskQueue = site.newName('queue');
    const options = { taskQueue, workflowBundle, plugins: [site.plugin({ tasks })] };
    const found = await site.working(options, () => site.execute('specialFlow', { taskQueue }));
    expect(found).toEqual({ at: true, big: true, bytes: true, none: true, zero: true, escaped: true, alone: true });
  });
});

describe('the plugin', () => {
  test('given to connection, client and worker at once it acts once', async () => {
    const taskQueue = site.newName('queue');
    const { address } = site.server;
    const plugin = site.plugin({ tasks });
    const connection = await Connection.connect({ address, plugins: [plugin] });
    const client = new Client({ connection, plugins: [plugin] });
    const native = await NativeConnection.connect({ address, plugins: [plugin] });
    try {
      const worker = await Worker.create({ connection: native, taskQueue, workflowBundle, plugins: [plugin] });
      // Two: one that writes down attempts, one that memoizes.
      expect(worker.options.interceptors.activity).toHaveLength(2);
      const echo = () => site.execute('taskFlow', { taskQueue, args: ['echo', 1], client });
      expect(await worker.runUntil(echo)).toBe(1);
      expect(tasks.calls).toEqual(['echo']);
    } finally {
      await native.close();
      await connection.close();
    }
  });

  test('two of them add up', async () => {
    const taskQueue = site.newName('queue');
    const plugins = [site.plugin({ tasks: [tasks.sum] }), site.plugin({ tasks: { echo: tasks.echo } })];
    const run = (name: string, input: unknown) => site.execute('taskFlow', { taskQueue, args: [name, input] });
    const both = () => Promise.all([run('add', { x: 30, y: 1 }), run('echo', 'b')]);
    expect(await site.working({ taskQueue, workflowBundle, plugins }, both)).toEqual([31, 'b']);
  });

  test("the user's own interceptors and activities stay", async () => {
    const taskQueue = site.newName('queue');
    const seen: string[] = [];
    const found = await site.working(
      {
        taskQueue,
        workflowBundle,
        activities: { greet: async (name: string) => `hello ${name}` },
        interceptors: {
          activity: [
            ({ info }) => ({
              inbound: {
                async execute(input, next) {
                  seen.push(info.activityType);
                  return next(input);
                },
              },
            }),
          ],
        },
        plugins: [site.plugin({ tasks })],
      },
      async () => [
        await site.execute('activityFlow', { taskQueue, args: ['ordinary', 'greet', ['you']] }),
        await site.execute('addFlow', { taskQueue, args: [4, 4] }),
        await site.execute('addFlow', { taskQueue, args: [4, 4] }),
      ],
    );
    expect(found).toEqual(['hello you', 8, 8]);
    expect(seen).toEqual(['greet', 'add', 'add']);
  });

  test('the same options may make several workers', async () => {
    const taskQueue = site.newName('queue');
    const options = { connection: site.native, taskQueue, workflowBundle, plugins: [site.plugin({ tasks })] };
    const one = await Worker.create(options);
    options.taskQueue = site.newName('queue');
    const two = await Worker.create(options);
    const queues = [taskQueue, options.taskQueue];
    const run = () =>
      Promise.all(queues.map((queue) => site.execute('taskFlow', { taskQueue: queue, args: ['echo', 2] })));
    expect(await one.runUntil(two.runUntil(run))).toEqual([2, 2]);
  });

  test('an activity of another that has the name of a task is refused', async () => {
    const options = { connection: site.native, taskQueue: 'any', workflowBundle, plugins: [site.plugin({ tasks })] };
    const own = Worker.create({ ...options, activities: { add: async () => 1 } });
    await expect(own).rejects.toMatchObject({ code: 'HF_ACTIVITY_NAME', fields: { activity: 'add' } });
    const same = await Worker.create({ ...options, taskQueue: site.newName('queue'), activities: { add: tasks.sum } });
    await same.runUntil(async () => undefined);
  });

  test('tasks work behind a plugin that drops interceptors', async () => {
    const taskQueue = site.newName('queue');
    const drops: WorkerPlugin = {
      name: 'drops',
      configureWorker: ({ interceptors: _, ...options }) => options,
    };
    const options = { taskQueue, workflowBundle, plugins: [site.plugin({ tasks }), drops] };
    const add = () => site.execute('addFlow', { taskQueue, args: [90, 9] });
    expect(await site.working(options, async () => [await add(), await add()])).toEqual([99, 99]);
    expect(tasks.calls).toEqual(['add 90 9']);
  });

  test('a task is not memoized as an activity', async () => {
    const plugins = [site.plugin({ tasks, memoizeActivities: { add: {} } })];
    const made = Worker.create({ connection: site.native, taskQueue: 'any', workflowBundle, plugins });
    await expect(made).rejects.toThrow('memoizeActivities.add is given; it is a task: give memoize to defineTask');
  });

  test('two tasks of one name are refused', () => {
    const another = defineTask({ name: 'add', run: () => 0 });
    expect(() => new HoldfastPlugin({ tasks: [tasks.sum, another] })).toThrow('Two different tasks are named add');
  });

  test('an unknown option is refused by name', () => {
    expect(() => new HoldfastPlugin({ task: [tasks.sum] } as never)).toThrow('tasks');
  });

  test('tasks and jobs without any are refused, with what was given', () => {
    const given = (options: object) => () => new HoldfastPlugin(options);
    expect(given({ tasks: { add: () => 1 } })).toThrow('tasks is an object with add; there is no task in it');
    expect(given({ tasks: tasks.sum })).toThrow('it is a task itself: give an array of tasks');
    expect(given({ jobs: tasks })).toThrow('there is no job in it: give what defineJob returns');
    expect(given({ tasks: [], jobs: {} })).not.toThrow();
  });

  test('nothing is opened by making it and the worker, and all is closed behind the worker', async () => {
    const home = join(site.directory, 'untouched');
    const taskQueue = site.newName('queue');
    const plugins = [new HoldfastPlugin({ tasks, home })];
    const worker = await Worker.create({ connection: site.native, taskQueue, workflowBundle, plugins });
    expect(existsSync(home)).toBe(false);
    await worker.runUntil(async () => undefined);
    expect(existsSync(join(home, 'store.db'))).toBe(true);
    // The last user of a database in WAL mode removes its log.
    expect(existsSync(join(home, 'store.db-wal'))).toBe(false);
  });

  test('a store that cannot be opened ends the worker, whose connection can be closed then', async () => {
    const native = await NativeConnection.connect({ address: site.server.address });
    const taskQueue = site.newName('queue');
    const plugins = [new HoldfastPlugin({ tasks, home: site.home, store: `sqlite:${site.directory}` })];
    const worker = await Worker.create({ connection: native, taskQueue, workflowBundle, plugins });
    await expect(worker.run()).rejects.toMatchObject({ code: 'HF_DATABASE_UNREADABLE' });
    await native.close();
  });

  test('a bundle built with the plugin works as one built without', async () => {
    const taskQueue = site.newName('queue');
    const plugin = site.plugin({ tasks });
    const options = { taskQueue, workflowBundle: await bundle('task-flows.ts', [plugin]), plugins: [plugin] };
    expect(await site.working(options, () => site.execute('addFlow', { taskQueue, args: [50, 5] }))).toBe(55);
  });

  test('workflows that the worker bundles itself have it, too', async () => {
    const taskQueue = site.newName('queue');
    const workflowsPath = join(import.meta.dirname, 'programs/task-flows.ts');
    const options = { taskQueue, workflowsPath, plugins: [site.plugin({ tasks })] };
    expect(await site.working(options, () => site.execute('addFlow', { taskQueue, args: [60, 6] }))).toBe(66);
  });

  test('a history from before the plugin was added replays, and so does one from after', async () => {
    const taskQueue = site.newName('queue');
    const workflowId = site.newName('replayed');
    const start = (id: string) =>
      site.client.workflow.execute('activityFlow', { taskQueue, workflowId: id, args: ['ordinary', 'greet', ['you']] });
    const options = { taskQueue, workflowBundle, activities: { greet: async () => 'hello' } };
    await site.working(options, () => start(workflowId));
    const plugin = site.plugin({ tasks, memoizeActivities: { greet: {} } });
    await site.working({ ...options, plugins: [plugin] }, () => start(`${workflowId}-after`));
    const histories = [workflowId, `${workflowId}-after`].map(async (id) => ({
      workflowId: id,
      history: await site.client.workflow.getHandle(id).fetchHistory(),
    }));
    const replayed = Worker.runReplayHistories({ workflowBundle, plugins: [plugin] }, await Promise.all(histories));
    let count = 0;
    for await (const { error } of replayed) {
      expect(error).toBeUndefined();
      count++;
    }
    expect(count).toBe(2);
  });
});
