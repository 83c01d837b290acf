import { rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { CrashServer } from './crash-server.ts';
import { expectComplete, expectContiguous, expectFewCallsAgain, expectOnce } from './oracle.ts';
import { numbered } from './site.ts';

let crash: CrashServer;
beforeAll(async () => {
  crash = await CrashServer.start();
});
afterEach(() => crash.endSites());
afterAll(() => crash.end());

const ITEMS = numbered(700);
const KEYS = ITEMS.map((item) => item.id);
/** About three seconds of work. */
const SLOW = { callMs: 40, concurrency: 10 };

describe('the server dies', () => {
  test('killed and restarted while a worker runs: the job goes on by itself', async () => {
    const site = crash.site(SLOW, ITEMS);
    const worker = site.spawn();
    await site.start();
    await site.untilEffects(50);
    await crash.kill();
    const atKill = site.effects();
    // The ledger goes on recording while there is no server.
    await site.untilEffects(atKill + 50);
    await crash.restart();
    expect(await site.result()).toMatchObject({ state: 'complete' });
    expect(worker.isRunning).toBe(true);
    expectOnce(site, KEYS);
    expectComplete(site, { read: KEYS.length, applied: KEYS.length });
    expectFewCallsAgain(site, { items: KEYS.length, kills: 1 });
  });

  test('server and worker killed together: restarted, the job ends with every effect once', async () => {
    const site = crash.site(SLOW, ITEMS);
    const worker = site.spawn();
    await site.start();
    await site.untilEffects(100);
    await Promise.all([worker.kill(), crash.kill()]);
    await crash.restart();
    site.spawn();
    expect(await site.result()).toMatchObject({ state: 'complete' });
    expectOnce(site, KEYS);
    expectComplete(site, { read: KEYS.length, applied: KEYS.length });
    expectFewCallsAgain(site, { items: KEYS.length, kills: 1 });
  });

  test('its database deleted: the next start continues from the ledger, which is the truth (invariants 2, 3 and 4)', async () => {
    const site = crash.site(SLOW, ITEMS);
    const worker = site.spawn();
    await site.start();
    await site.untilEffects(150);
    await crash.kill();
    await worker.kill();
    const before = site.effects();
    for (const end of ['', '-wal', '-shm']) rmSync(`${crash.server.file}${end}`, { force: true });
    await crash.restart();
    site.spawn();
    await site.start();
    expect(await site.result()).toMatchObject({ state: 'complete', generation: 1 });
    const [job] = site.query<{ base_applied: number; epoch: number }>('SELECT base_applied, epoch FROM hf_job');
    expect(job).toEqual({ base_applied: before, epoch: 3 });
    expectOnce(site, KEYS);
    expectContiguous(site);
    expectFewCallsAgain(site, { items: KEYS.length, kills: 1 });
  });

  test('its database deleted under a worker that runs on: the old run changes nothing any more (invariant 2)', async () => {
    const site = crash.site(SLOW, ITEMS);
    site.spawn();
    await site.start();
    await site.untilEffects(50);
    await crash.kill();
    for (const end of ['', '-wal', '-shm']) rmSync(`${crash.server.file}${end}`, { force: true });
    await crash.restart();
    await site.start();
    expect(await site.result()).toMatchObject({ state: 'complete', generation: 1 });
    expectOnce(site, KEYS);
    expectComplete(site, { read: KEYS.length, applied: KEYS.length });
  });
});
