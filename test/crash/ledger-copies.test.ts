import { copyFileSync, renameSync, rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { CrashServer } from './crash-server.ts';
import { DATABASE } from './jobs.ts';
import { expectComplete, expectContiguous, expectOnce } from './oracle.ts';
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

/** A consistent copy of the database as it is now. */
function copy(site: CrashSite): void {
  rmSync(site.file('copy.db'), { force: true });
  site.change(`VACUUM INTO '${site.file('copy.db')}'`);
}

/** Puts the copy in the database's place, as an operator's tool does: another file under the name. */
function restore(site: CrashSite): void {
  copyFileSync(site.file('copy.db'), site.file('restored.db'));
  renameSync(site.file('restored.db'), site.file(DATABASE));
  for (const end of ['-wal', '-shm']) rmSync(site.file(`${DATABASE}${end}`), { force: true });
}

describe('an older copy of the ledger is put back', () => {
  test('while nothing runs: what the copy lacks runs again, effects and ledger being one (invariants 1 and 3)', async () => {
    const site = crash.site(SLOW, ITEMS);
    const worker = site.spawn();
    await site.start();
    await site.untilEffects(150);
    copy(site);
    await site.untilEffects(300);
    await worker.kill();
    restore(site);
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
    copy(site);
    await site.result();
    restore(site);
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
    copy(site);
    await site.untilEffects(300);
    restore(site);
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
    copy(site);
    await site.result();
    site.append(numbered(700).slice(120));
    await site.start();
    await site.untilEffects(200);
    restore(site);
    expect(await site.result()).toMatchObject({ state: 'complete', generation: 1 });
    expectOnce(site, KEYS);
    expectComplete(site, { read: KEYS.length, applied: KEYS.length });
  });

  test('of an earlier run of the job, just as the next one ends: it does not end before its time', async () => {
    const site = crash.site(SLOW, numbered(120));
    site.spawn({ HOLDFAST_KILL_AT: 'during-close:2' });
    await site.start();
    await site.untilEffects(60);
    copy(site);
    await site.result();
    site.append(numbered(140).slice(120));
    await site.start();
    await site.workers[0]?.died();
    restore(site);
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
    copy(site);
    expect(site.query('SELECT lane FROM hf_item', 'copy.db')).toEqual([{ lane: 0 }]);
    restore(site);
    expect(await site.result(25_000)).toMatchObject({ state: 'complete' });
    expect(worker.isRunning).toBe(true);
    expectOnce(
      site,
      items.map((item) => item.id),
    );
  });
});
