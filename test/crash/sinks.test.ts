import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { CrashServer } from './crash-server.ts';
import { until } from './crash-worker.ts';
import { DATABASE } from './jobs.ts';
import { expectComplete, expectOnce } from './oracle.ts';
import { numbered } from './site.ts';

let crash: CrashServer;
beforeAll(async () => {
  crash = await CrashServer.start();
});
afterEach(() => crash.endSites());
afterAll(() => crash.end());

const ITEMS = numbered(300);
const KEYS = ITEMS.map((item) => item.id);

describe('the sink refuses', () => {
  test('one item that throws in the transaction and one whose statement fails in silence: both are found, the rest lands once (invariant 1)', async () => {
    const items = numbered(300, (i) => (i === 40 ? { sql: 'throw' } : i === 77 ? { sql: 'swallow' } : {}));
    const site = crash.site({ callMs: 1 }, items);
    site.spawn();
    await site.start();
    expect(await site.result()).toMatchObject({ state: 'partial' });
    expectOnce(
      site,
      KEYS.filter((key) => key !== 'k40' && key !== 'k77'),
    );
    expectComplete(site, { read: 300, applied: 298, quarantined: 2 });
    expect(site.query('SELECT key, reason FROM hf_item ORDER BY position')).toEqual([
      { key: 'k40', reason: 'sink' },
      { key: 'k77', reason: 'sink' },
    ]);
  });

  test('a constraint that is checked only at the commit: its item is found and quarantined, the job goes on (invariant 1)', async () => {
    const site = crash.site({ callMs: 1 }, ITEMS);
    site.change(`CREATE TABLE known (key TEXT PRIMARY KEY);
      INSERT INTO known SELECT 'k' || value FROM json_each('[${ITEMS.map((_, i) => i).filter((i) => i !== 123)}]');
      DROP TABLE effect;
      CREATE TABLE effect (key TEXT NOT NULL REFERENCES known DEFERRABLE INITIALLY DEFERRED, worker TEXT, at INTEGER)`);
    site.spawn();
    await site.start();
    expect(await site.result()).toMatchObject({ state: 'partial' });
    expectOnce(
      site,
      KEYS.filter((key) => key !== 'k123'),
    );
    expectComplete(site, { read: 300, applied: 299, quarantined: 1 });
  });
});

describe('the sink is out of reach for a while', () => {
  test('locked by another process for three seconds in the middle: waited for', async () => {
    const site = crash.site({ callMs: 20, concurrency: 5 }, ITEMS);
    site.spawn();
    await site.start();
    await site.untilEffects(50);
    const lock = `
      const { DatabaseSync } = require('node:sqlite');
      const db = new DatabaseSync(${JSON.stringify(site.file(DATABASE))}, { timeout: 5000 });
      db.exec('BEGIN EXCLUSIVE');
      setTimeout(() => { db.exec('ROLLBACK'); db.close(); }, 3000);`;
    const holder = spawn(process.execPath, ['--no-warnings', '--eval', lock], { stdio: 'inherit' });
    await once(holder, 'exit');
    expect(await site.result()).toMatchObject({ state: 'complete' });
    expectOnce(site, KEYS);
    expectComplete(site, { read: 300, applied: 300 });
  });

  test('no room left to write: said in one line, and the job carries on when there is room', async () => {
    const site = crash.site({ callMs: 0, concurrency: 5 }, numbered(80_000));
    const worker = site.spawn({}, {}, { fileBlocksMax: 4_000 });
    await site.start();
    await until('it says so', () => worker.text.includes('cannot be read or written'));
    expect(site.effects()).toBeLessThan(80_000);
    expect(worker.isRunning).toBe(true);
    // The room comes back with the next process.
    await worker.kill();
    site.spawn();
    expect(await site.result()).toMatchObject({ state: 'complete' });
    expectOnce(
      site,
      numbered(80_000).map((item) => item.id),
    );
  });
});

describe('control while items are in flight', () => {
  const SLOW = { callMs: 40, concurrency: 10 };

  test('paused: nothing new begins, and a killed worker stays paused; resumed: the rest runs once', async () => {
    const site = crash.site(SLOW, ITEMS);
    const worker = site.spawn();
    await site.start();
    await site.untilEffects(50);
    site.change('UPDATE hf_job SET paused = 1');
    await site.wake();
    await site.quiet();
    const paused = site.calls().length;
    expect(paused).toBeLessThan(300);
    await worker.kill();
    site.spawn();
    await until('the next worker is ready', () => site.workers[1]?.isReady);
    await site.quiet();
    expect(site.calls()).toHaveLength(paused);
    site.change('UPDATE hf_job SET paused = 0');
    await site.wake();
    expect(await site.result()).toMatchObject({ state: 'complete' });
    expectOnce(site, KEYS);
    expect(site.calls()).toHaveLength(300);
  });

  test('cancelled: ends within moments with what has landed kept; started again: the rest runs', async () => {
    const site = crash.site(SLOW, ITEMS);
    site.spawn();
    await site.start();
    await site.untilEffects(50);
    site.change('UPDATE hf_job SET cancelling = 1');
    await site.wake();
    expect(await site.result(10_000)).toMatchObject({ state: 'cancelled' });
    expect(site.effects()).toBe(site.calls().length);
    await site.start();
    expect(await site.result()).toMatchObject({ state: 'complete', generation: 1 });
    expectOnce(site, KEYS);
    expect(site.calls()).toHaveLength(300);
  });

  test('cancelled through Temporal itself: the same', async () => {
    const site = crash.site(SLOW, ITEMS);
    site.spawn();
    await site.start();
    await site.untilEffects(50);
    await site.handle.cancel();
    expect(await site.result(20_000)).toMatchObject({ state: 'cancelled' });
    await site.start();
    expect(await site.result()).toMatchObject({ state: 'complete', generation: 1 });
    expectOnce(site, KEYS);
  });

  test('SIGTERM: what is in flight finishes and is recorded; the next worker goes on without a call more', async () => {
    const site = crash.site(SLOW, ITEMS);
    const worker = site.spawn();
    await site.start();
    await site.untilEffects(50);
    await worker.kill('SIGTERM');
    expect(worker.child.exitCode).toBe(0);
    expect(site.effects()).toBe(site.calls().length);
    site.spawn();
    expect(await site.result()).toMatchObject({ state: 'complete' });
    expectOnce(site, KEYS);
    expect(site.calls()).toHaveLength(300);
  });
});
