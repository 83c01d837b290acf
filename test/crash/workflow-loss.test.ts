import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { CrashServer } from './crash-server.ts';
import { until } from './crash-worker.ts';
import { expectComplete, expectContiguous, expectFewCallsAgain, expectOnce } from './oracle.ts';
import { type CrashSite, numbered } from './site.ts';

let crash: CrashServer;
beforeAll(async () => {
  crash = await CrashServer.start();
});
afterEach(() => crash.endSites());
afterAll(() => crash.end());

const ITEMS = numbered(700);
const KEYS = ITEMS.map((item) => item.id);
const SLOW = { callMs: 30, concurrency: 10 };

/** Takes the workflow's history back to the end of one of its first workflow tasks. */
async function reset(site: CrashSite, task: number): Promise<void> {
  const { events } = await site.handle.fetchHistory();
  const ends = (events ?? []).filter((event) => event.workflowTaskCompletedEventAttributes);
  const { runId } = await site.handle.describe();
  await crash.client.workflowService.resetWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId: site.jobId, runId },
    reason: 'test',
    workflowTaskFinishEventId: ends[task]?.eventId ?? null,
    requestId: `${Date.now()}`,
  });
}

describe('the workflow loses what it knew', () => {
  test.each([0, 1, 2])(
    'history reset to workflow task %i while a worker runs: what has landed stays landed (invariants 2 and 3)',
    async (task) => {
      const site = crash.site(SLOW, ITEMS);
      site.spawn();
      await site.start();
      await site.untilEffects(150);
      await reset(site, task);
      expect(await site.result()).toMatchObject({ state: 'complete', generation: 1 });
      expectOnce(site, KEYS);
      expectComplete(site, { read: KEYS.length, applied: KEYS.length });
      expectContiguous(site);
      expectFewCallsAgain(site, { items: KEYS.length, kills: 1 });
    },
  );

  test('history reset and the worker killed while a retry holds an item: the item is not forgotten', async () => {
    const items = numbered(120, (i) => (i === 7 ? { fail: 1, slowly: 2_000 } : {}));
    const site = crash.site({ ...SLOW, retry: { delays: ['100ms'], jitter: 0 } }, items);
    const worker = site.spawn();
    await site.start();
    await site.untilEffects(119);
    await site.untilCalls('k7', 2);
    await reset(site, 1);
    await worker.kill();
    site.spawn();
    expect(await site.result(25_000)).toMatchObject({ state: 'complete' });
    expectOnce(site, KEYS.slice(0, 120));
  });

  test('history reset after the end: nothing runs again', async () => {
    const site = crash.site({}, ITEMS);
    site.spawn();
    await site.start();
    await site.result();
    const { calls } = { calls: site.calls().length };
    await reset(site, 0);
    expect(await site.result()).toMatchObject({ state: 'complete', generation: 1 });
    expect(site.calls()).toHaveLength(calls);
    expectOnce(site, KEYS);
  });

  test('history of a run with again reset after its end: no further generation is opened (invariant 2)', async () => {
    const site = crash.site({}, numbered(120));
    site.spawn();
    await site.start();
    await site.result();
    await site.start({ again: true });
    expect(await site.result()).toMatchObject({ state: 'complete', generation: 2 });
    await reset(site, 0);
    expect(await site.result()).toMatchObject({ state: 'complete', generation: 2 });
    expect(site.calls()).toHaveLength(240);
  });

  test('terminated and started again: the rest runs, under a new epoch (invariant 2)', async () => {
    const site = crash.site(SLOW, ITEMS);
    site.spawn();
    await site.start();
    await site.untilEffects(150);
    await site.handle.terminate('test');
    await site.start();
    expect(await site.result()).toMatchObject({ state: 'complete', generation: 1 });
    expectOnce(site, KEYS);
    expectComplete(site, { read: KEYS.length, applied: KEYS.length });
    expectFewCallsAgain(site, { items: KEYS.length, kills: 1 });
  });

  test('two clients start one id at once: one job, each effect once', async () => {
    const site = crash.site({}, ITEMS);
    site.spawn();
    const starts = await Promise.allSettled(Array.from({ length: 6 }, () => site.start()));
    expect(starts.filter((start) => start.status === 'fulfilled')).toHaveLength(1);
    expect(await site.result()).toMatchObject({ state: 'complete' });
    expectOnce(site, KEYS);
    expectFewCallsAgain(site, { items: KEYS.length, kills: 0 });
  });

  test('cancelled through Temporal while it is opened: the ledger does not say that it runs', async () => {
    const site = crash.site(SLOW, ITEMS);
    site.spawn({ HOLDFAST_KILL_AT: 'during-plan:1' });
    await site.start();
    await until('the worker is gone', () => !site.workers[0]?.isRunning);
    await site.handle.cancel();
    site.spawn();
    expect(await site.result()).toMatchObject({ state: 'cancelled' });
    expect(site.query('SELECT state FROM hf_job')).toEqual([{ state: 'cancelled' }]);
  });
});
