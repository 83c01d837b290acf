import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { HoldfastClient } from '../../client/index.ts';
import { defineJob } from '../../definitions/job.ts';
import { items } from '../../sources/items.ts';
import type { JobResult } from '../../workflows/index.ts';
import { bundle, PluggedSite } from './plugged-site.ts';
import * as jobs from './programs/job-definitions.ts';

let site: PluggedSite;
let workflowBundle: WorkflowBundleWithSourceMap;
let taskQueue: string;
let client: HoldfastClient;

beforeAll(async () => {
  site = await PluggedSite.create();
  workflowBundle = await bundle('job-flows.ts');
  client = new HoldfastClient({ address: site.server.address, home: site.home, directory: site.directory });
});

afterAll(async () => {
  await client.close();
  await site.remove();
});

beforeEach(() => {
  taskQueue = site.newName('queue');
  jobs.calls.length = 0;
  jobs.gate.opened = Promise.resolve();
});

function working<T>(work: () => Promise<T>): Promise<T> {
  return site.working({ taskQueue, workflowBundle, plugins: [site.plugin({ jobs })] }, work);
}

const squares = (upTo: number, options = {}) =>
  site.execute<JobResult>('squaresFlow', { taskQueue, args: [upTo, options] });

describe('a job that a workflow of the user runs', () => {
  test("runs on the workflow's own task queue, under the job's own id, with its defaults", async () => {
    const result = await working(() => squares(5));
    expect(result).toMatchObject({ jobId: 'squares-5-0', job: 'squares', state: 'complete', generation: 1 });
    expect(jobs.calls).toHaveLength(5);
    const results: Record<string, unknown> = {};
    for await (const { key, result: value } of client.job('squares-5-0').results()) results[key] = value;
    expect(results).toEqual({ 0: 0, 1: 1, 2: 4, 3: 9, 4: 16 });
  });

  test('a second one finds nothing new, and another generation is asked for', async () => {
    const [second, again] = await working(async () => [await squares(5), await squares(5, { again: true })]);
    expect(second.nothingNewSince).not.toBeNull();
    expect(again).toMatchObject({ generation: 2, state: 'complete', nothingNewSince: null });
    expect(jobs.calls).toHaveLength(5);
  });

  test('one that is open already is waited for, by however many', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    jobs.gate.opened = promise;
    const found = await working(async () => {
      const both = Promise.all([squares(6), squares(6)]);
      while (jobs.calls.length < 6) await sleep(20);
      await sleep(500);
      resolve();
      return both;
    });
    expect(found.map(({ state }) => state)).toEqual(['complete', 'complete']);
    expect(found.filter(({ nothingNewSince }) => nothingNewSince === null)).toHaveLength(1);
    expect(jobs.calls).toHaveLength(6);
  });

  test('an id and a limit may be given', async () => {
    const result = await working(() => squares(9, { id: 'mine', limit: 2 }));
    expect(result).toMatchObject({ jobId: 'mine', state: 'complete' });
    expect(jobs.calls).toHaveLength(2);
  });

  test('a limit that is none is refused', async () => {
    const failing = working(() => squares(9, { id: 'limited', limit: -1 }));
    await expect(failing).rejects.toMatchObject({ cause: { type: 'HF_OPTION_INVALID' } });
  });

  test('params that do not fit are refused by name, once', async () => {
    const failing = working(() => site.execute('anyJobFlow', { taskQueue, args: ['squares', { upTo: 3, down: 1 }] }));
    await expect(failing).rejects.toMatchObject({ cause: { cause: { type: 'HF_PARAM_UNKNOWN' } } });
  });

  test('other params under its id are refused', async () => {
    const failing = working(() => squares(4, { id: 'mine' }));
    await expect(failing).rejects.toMatchObject({ cause: { cause: { cause: { type: 'HF_PARAMS_DIFFER' } } } });
  });

  test("the workflow's own id cannot be the job's", async () => {
    const failing = working(() =>
      site.client.workflow.execute('squaresFlow', { taskQueue, workflowId: 'same', args: [2, { id: 'same' }] }),
    );
    await expect(failing).rejects.toMatchObject({ cause: { type: 'HF_OPTION_INVALID' } });
  });

  test('a job that the worker does not have is named, and runs once a worker has it', async () => {
    const args = ['doubles', {}];
    const workflowId = site.newName('later');
    const warned: string[] = [];
    const log = { debug() {}, info() {}, warn: (line: string) => void warned.push(line), error() {} };
    const lacking = { taskQueue, workflowBundle, plugins: [site.plugin({ jobs, log })] };
    const handle = await site.working(lacking, async () => {
      const started = await site.client.workflow.start('anyJobFlow', { taskQueue, workflowId, args });
      while (warned.length === 0) await sleep(20);
      return started;
    });
    const { raw } = await handle.describe();
    expect(raw.pendingActivities?.[0]?.lastFailure).toMatchObject({
      applicationFailureInfo: { type: 'HF_JOB_NOT_SERVED' },
      message: expect.stringMatching(/does not serve job doubles, only mendable, paid, squares: .*HoldfastPlugin/),
    });
    const doubles = defineJob({ name: 'doubles', source: items([1, 2]), key: (n) => n, run: (n) => 2 * n });
    const having = { taskQueue, workflowBundle, plugins: [site.plugin({ jobs: [doubles] })] };
    expect(await site.working(having, () => handle.result())).toMatchObject({ job: 'doubles', state: 'complete' });
  });

  test('cancelling the workflow cancels the job, and its ledger knows', async () => {
    jobs.gate.opened = new Promise(() => undefined);
    await working(async () => {
      const workflowId = site.newName('cancelled');
      const handle = await site.client.workflow.start('squaresFlow', { taskQueue, workflowId, args: [8] });
      while (jobs.calls.length < 7) await sleep(20);
      await handle.cancel();
      const ended = await handle.result().catch((error) => error);
      expect(ended).toMatchObject({ state: 'cancelled' });
    });
    expect(await client.job('squares-8-0').progress()).toMatchObject({ state: 'cancelled', items: { applied: 3 } });
  });

  test("quarantined items sent through again run where the job ran, on the user's own worker", async () => {
    await working(async () => {
      const first = await site.execute('anyJobFlow', { taskQueue, args: ['mendable', {}] });
      expect(first).toMatchObject({ state: 'partial' });
      jobs.mended.yes = true;
      const handle = client.job('mendable');
      expect(await handle.redrive()).toEqual({ items: 1, how: 'started' });
      while ((await handle.progress()).state !== 'complete') await sleep(50);
    });
  });

  test("a client starts a job on the user's own worker by its task queue", async () => {
    const { state } = await working(async () => {
      const params = { upTo: 2, shift: 1 };
      return (await client.start(jobs.squares, { params, taskQueue })).result();
    });
    expect(state).toBe('complete');
  });

  test("an item's transaction is made once, though it is tried again", async () => {
    const result = await working(() => site.execute('anyJobFlow', { taskQueue, args: ['paid', {}] }));
    expect(result).toMatchObject({ state: 'complete' });
    const database = new DatabaseSync(join(site.directory, 'paid.db'), { readOnly: true });
    expect(database.prepare('SELECT id FROM paid ORDER BY id').all()).toEqual([{ id: 'a' }, { id: 'b' }]);
    database.close();
  });
});
