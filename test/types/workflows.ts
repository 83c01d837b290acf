// Compiled, never run: what a workflow and a client know of tasks and jobs by their types alone.
import { defineJob, defineTask, items, type Job, type Task, type Tx } from 'holdfast';
import type { HoldfastClient } from 'holdfast/client';
import type { TestEnvironment } from 'holdfast/testing';
import { createWorker, HoldfastPlugin } from 'holdfast/worker';
import { type JobResult, proxyTasks, runJob } from 'holdfast/workflows';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function same<A, B>(equal: Equal<A, B>): void;

const sum = defineTask({
  name: 'add',
  run: ({ x, y }: { x: number; y: number }) => x + y,
});
const stamp = defineTask({
  name: 'time-stamp',
  run: async (input: string | undefined, ctx) => {
    const written = await ctx.transaction('sqlite:stamps.db', async (tx) => {
      same<typeof tx, Tx>(true);
      return tx.run('INSERT INTO stamp VALUES (?)', [input]);
    });
    same<typeof written, number>(true);
    return { at: new Date(), input };
  },
});
const squares = defineJob({
  name: 'squares',
  params: { upTo: 'number', title: 'string?', shift: { type: 'number', default: 0 } },
  source: items([{ number: 1 }]),
  key: (item) => item.number,
  run: (item) => item.number ** 2,
});

/** As `import type * as tasks` gives it: by export name, among other things. */
interface Module {
  readonly sum: typeof sum;
  readonly stamp: typeof stamp;
  readonly default: typeof squares;
  readonly version: string;
  helper(): number;
}

export async function inWorkflow(): Promise<void> {
  const tasks = proxyTasks<Module>({ taskQueue: 'elsewhere', heartbeatTimeout: '1 minute', refresh: true });
  same<keyof typeof tasks, 'add' | 'time-stamp'>(true);
  const three = await tasks.add({ x: 1, y: 2 });
  same<typeof three, number>(true);
  const stamped = await tasks['time-stamp']('now');
  same<typeof stamped, { at: Date; input: string | undefined }>(true);
  await tasks['time-stamp']();
  // @ts-expect-error the task is named add, whatever its export
  tasks.sum;
  // @ts-expect-error an input of another type
  await tasks.add({ x: '1', y: 2 });
  // @ts-expect-error the input is missing
  await tasks.add();
  // @ts-expect-error an unknown option
  proxyTasks<Module>({ taskqueue: 'elsewhere' });

  const result = await runJob<typeof squares>('squares', { upTo: 3 }, { again: true, limit: 5 });
  same<typeof result, JobResult>(true);
  same<typeof result.state, 'complete' | 'partial' | 'failed' | 'cancelled'>(true);
  // @ts-expect-error another name than the job's
  await runJob<typeof squares>('circles', { upTo: 3 });
  // @ts-expect-error a param of another kind
  await runJob<typeof squares>('squares', { upTo: '3' });
  // @ts-expect-error an unknown param
  await runJob<typeof squares>('squares', { upTo: 3, down: 1 });
  await runJob('untyped', { whatever: 1 });
}

export async function inClient(client: HoldfastClient, environment: TestEnvironment): Promise<void> {
  const byTask = await client.runTask(sum, { x: 1, y: 2 }, { id: 'one', refresh: true });
  same<typeof byTask, number>(true);
  const byName = await client.runTask<typeof sum>('add', { x: 1, y: 2 });
  same<typeof byName, number>(true);
  // @ts-expect-error another name than the task's
  await client.runTask<typeof sum>('sub', { x: 1, y: 2 });
  // @ts-expect-error an input of another type
  await client.runTask(sum, { x: 1 });
  const untyped = await client.runTask('untyped', { whatever: 1 });
  same<typeof untyped, unknown>(true);
  const tested = await environment.runTask(stamp, 'now');
  same<typeof tested, { at: Date; input: string | undefined }>(true);
}

/** An export of type `any` beside tasks. */
export function besideAny(): void {
  const tasks = proxyTasks<{ readonly sum: typeof sum; readonly whatever: any }>();
  same<keyof typeof tasks, 'add'>(true);
}

export function inWorker(module: Module): void {
  new HoldfastPlugin({ tasks: module, jobs: [squares] });
  new HoldfastPlugin({ tasks: [sum, stamp], jobs: { squares } });
  new HoldfastPlugin({
    memoizeActivities: {
      fetchUser: { expires: '1 hour', version: '2', key: (id: string, page: number) => [id, page] },
      fetchList: { expires: (result) => new Date(Number(result)), storage: 'lists', onStoreError: 'run' },
    },
  });
  // @ts-expect-error no duration
  new HoldfastPlugin({ memoizeActivities: { fetchUser: { expires: 'soon' } } });
  // @ts-expect-error an unknown option
  new HoldfastPlugin({ task: [sum] });
  void createWorker({ tasks: module });
  void createWorker({ jobs: [squares], tasks: [sum] });
}

declare const task: Task<'add', { x: number; y: number }, number>;
declare const job: Job<'squares', { upTo: number }, { number: number }, number>;
same<typeof sum, typeof task>(true);
void job;
