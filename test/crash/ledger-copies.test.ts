import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { CrashServer } from './crash-server.ts';
import { expectComplete, expectContiguous, expectOnce } from './oracle.ts';
import { numbered } from './site.ts';

let crash: CrashServer;
beforeAll(async () => {
  crash = await CrashServer.start();
});
afterEach(() => crash.endSites());
afterAll(() => crash.end());

const ITEMS = numbered(700);
const KEYS = ITEMS.map((item) => item.id);
const SLOW = { callMs: 30, concurrency: 10 };

describe('an older copy of the ledger is put back', () => {
  test('while nothing runs: what the copy lacks runs again, effects and ledger being one (invariants 1 and 3)', async () => {
    const site = crash.site(SLOW, ITEMS);
    const worker = site.spawn();
    await site.start();
    await site.untilEffects(150);
    site.copyDatabase();
    await site.untilEffects(300);
    await worker.kill();
    site.restoreDatabase();
    expect(site.effects()).toBeLessThan(300);
    site.spawn();
    expect(await site.result()).toMatchObject({ state: 'complete', generation: 1 });
    expectOnce(site, KEYS);
    expectComplete(site, { read: KEYS.length, applied: KEYS.length });
    expectContiguous(site);
  });

  test('after the end: the next start runs what the copy lacks', async () => {
    const site = crash.site({}, ITEMS);
    site.spawn();
    await site.start();
    await site.untilEffects(100);
    site.copyDatabase();
    await site.result();
    site.restoreDatabase();
    await site.start();
    expect(await site.result()).toMatchObject({ state: 'complete', generation: 1 });
    expectOnce(site, KEYS);
    expectComplete(site, { read: KEYS.length, applied: KEYS.length });
  });

  test('while a worker runs: it notices the other file and goes on from it (invariants 1 and 3)', async () => {
    const site = crash.site(SLOW, ITEMS);
    const worker = site.spawn();
    await site.start();
    await site.untilEffects(150);
    site.copyDatabase();
    await site.untilEffects(300);
    site.restoreDatabase();
    expect(await site.result()).toMatchObject({ state: 'complete', generation: 1 });
    expect(worker.isRunning).toBe(true);
    expectOnce(site, KEYS);
    expectComplete(site, { read: KEYS.length, applied: KEYS.length });
    expectContiguous(site);
  });

  test('of an earlier run of the job, while the next one runs: that one goes on from it', async () => {
    const site = crash.site(SLOW, numbered(120));
    site.spawn();
    await site.start();
    await site.untilEffects(60);
    site.copyDatabase();
    await site.result();
    site.append(numbered(700).slice(120));
    await site.start();
    await site.untilEffects(200);
    site.restoreDatabase();
    expect(await site.result()).toMatchObject({ state: 'complete', generation: 1 });
    expectOnce(site, KEYS);
    expectComplete(site, { read: KEYS.length, applied: KEYS.length });
  });

  test('of an earlier run of the job, just as the next one ends: it does not end before its time', async () => {
    const site = crash.site(SLOW, numbered(120));
    site.spawn({ HOLDFAST_KILL_AT: 'during-close:2' });
    await site.start();
    await site.untilEffects(60);
    site.copyDatabase();
    await site.result();
    site.append(numbered(140).slice(120));
    await site.start();
    await site.workers[0]?.died();
    site.restoreDatabase();
    site.spawn();
    expect(await site.result()).toMatchObject({ state: 'complete', generation: 1 });
    expectOnce(site, KEYS.slice(0, 140));
    expectComplete(site, { read: 140, applied: 140 });
  });

  test('with an item held by a retry at the time: it is not forgotten', async () => {
    const items = numbered(120, (i) => (i === 7 ? { fail: 1, slowly: 3_000 } : {}));
    const site = crash.site({ ...SLOW, retry: { delays: ['100ms'], jitter: 0 } }, items);
    const worker = site.spawn();
    await site.start();
    await site.untilEffects(119);
    await site.untilCalls('k7', 2);
    site.copyDatabase();
    expect(site.query('SELECT lane FROM hf_item', 'copy.db')).toEqual([{ lane: 0 }]);
    site.restoreDatabase();
    expect(await site.result(25_000)).toMatchObject({ state: 'complete' });
    expect(worker.isRunning).toBe(true);
    expectOnce(
      site,
      items.map((item) => item.id),
    );
  });
});
