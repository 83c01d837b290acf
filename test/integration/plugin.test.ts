import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { WorkflowBundleWithSourceMap } from '@temporalio/worker';
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

  test('special values come back as they went in', async () => {
    const taskQueue = site.newName('queue');
    const options = { taskQueue, workflowBundle, plugins: [site.plugin({ tasks })] };
    const found = await site.working(options, () => site.execute('specialFlow', { taskQueue }));
    expect(found).toEqual({ at: true, big: true, bytes: true, none: true, zero: true, escaped: true, alone: true });
  });
});
