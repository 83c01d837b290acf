import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { CrashServer } from './crash-server.ts';
import { countCalls } from './jobs.ts';
import { expectComplete, expectOnce } from './oracle.ts';
import { type CrashSite, numbered } from './site.ts';

let crash: CrashServer;
beforeAll(async () => {
  crash = await CrashServer.start();
});
afterEach(() => crash.endSites());
afterAll(() => crash.end());

const keys = (count: number) => numbered(count).map((item) => item.id);
const failures = (site: CrashSite) =>
  site.query<{ key: string; attempts: number; error: string; state: string; reason: string }>(
    'SELECT key, attempts, error, state, reason FROM hf_item ORDER BY chunk, position',
  );

describe('items that fail', () => {
  test('tries and due times survive kills, and a kill uses up no try', async () => {
    const items = numbered(150, (i) => (i % 10 === 0 ? { fail: 2, slowly: 300 } : {}));
    const site = crash.site({ retry: { attempts: 3, delays: ['400ms'], jitter: 0 } }, items);
    let worker = site.spawn({ HOLDFAST_KILL_AT: 'after-commit:2' });
    await site.start();
    await worker.died();
    // In the middle of the third and last try of some: were that try used up, they would be quarantined.
    worker = site.spawn();
    await site.untilCalls('k0', 3);
    await worker.kill();
    site.spawn();
    expect(await site.result()).toMatchObject({ state: 'complete' });
    expectOnce(site, keys(150));
    expectComplete(site, { read: 150, applied: 150 });
    expect(countCalls(site.directory, 'k0')).toBeGreaterThanOrEqual(4);
  });

  test('one that waits for its next try holds up no other item', async () => {
    const items = numbered(300, (i) => (i < 50 ? { fail: 1 } : {}));
    const site = crash.site({ concurrency: 2, callMs: 1, retry: { delays: ['4s'], jitter: 0 } }, items);
    site.spawn();
    await site.start();
    await site.untilEffects(250);
    expect(site.query('SELECT count(*) AS n FROM hf_item')).toEqual([{ n: 50 }]);
    expect(await site.result()).toMatchObject({ state: 'complete' });
    expectOnce(site, keys(300));
  });

  test('RetryAfter uses up no try', async () => {
    const items = numbered(20, (i) => (i === 3 ? { later: 4 } : {}));
    const site = crash.site({ retry: { attempts: 2, delays: ['10ms'] } }, items);
    site.spawn();
    await site.start();
    expect(await site.result()).toMatchObject({ state: 'complete' });
    expect(countCalls(site.directory, 'k3')).toBe(5);
    expectOnce(site, keys(20));
  });

  test('used up: quarantined with input, error and tries, and the job goes on', async () => {
    const items = numbered(120, (i) => (i === 5 ? { fail: 99 } : {}));
    const site = crash.site({ retry: { attempts: 2, delays: ['10ms'] } }, items);
    site.spawn();
    await site.start();
    expect(await site.result()).toMatchObject({ state: 'partial' });
    expect(failures(site)).toMatchObject([{ key: 'k5', attempts: 2, state: 'quarantined', reason: 'failed' }]);
    expect(failures(site)[0]?.error).toContain('call 2 fails');
    expectComplete(site, { read: 120, applied: 119, quarantined: 1 });
  });

  test('a function that never settles, or only after it was told to stop, times out; its late result changes nothing', async () => {
    const items = numbered(100, (i) => (i === 1 ? { does: 'hang' } : i === 2 ? { does: 'stubborn' } : {}));
    const site = crash.site({ timeout: '300ms', retry: { attempts: 2, delays: ['10ms'] } }, items);
    site.spawn();
    await site.start();
    expect(await site.result()).toMatchObject({ state: 'partial' });
    expect(failures(site)).toMatchObject([
      { key: 'k1', attempts: 2, reason: 'failed' },
      { key: 'k2', attempts: 2, reason: 'failed' },
    ]);
    expect(failures(site)[0]?.error).toContain('HF_ITEM_TIMEOUT');
    expectComplete(site, { read: 100, applied: 98, quarantined: 2 });
  });

  test('a function that throws what is no error: quarantined with what it threw', async () => {
    const items = numbered(100, (i) => (i === 1 ? { does: 'throw-text' } : i === 2 ? { does: 'throw-nothing' } : {}));
    const site = crash.site({ retry: { attempts: 1 } }, items);
    site.spawn();
    await site.start();
    expect(await site.result()).toMatchObject({ state: 'partial' });
    expect(failures(site)[0]?.error).toContain('a text');
    expectComplete(site, { read: 100, applied: 98, quarantined: 2 });
  });
});

describe('how many failures are tolerated', () => {
  const failing = (count: number, every: number) => numbered(count, (i) => (i % every === 0 ? { fail: 99 } : {}));

  test('a share exceeded stops the job early, and what was not begun stays for the next run', async () => {
    const site = crash.site({ callMs: 20, concurrency: 5, retry: { attempts: 1 } }, failing(700, 2));
    site.spawn();
    await site.start();
    expect(await site.result()).toMatchObject({ state: 'failed' });
    expect(new Set(site.calls()).size).toBeLessThan(600);
  });

  test('a count exceeded fails the job; started again with the cause mended, the quarantined go through', async () => {
    const site = crash.site({ callMs: 0, tolerate: 3, retry: { attempts: 1 } }, failing(120, 20));
    const worker = site.spawn();
    await site.start();
    expect(await site.result()).toMatchObject({ state: 'failed' });
    await worker.kill();
    site.spawn({}, { mended: true });
    await site.start();
    expect(await site.result()).toMatchObject({ state: 'complete', generation: 1 });
    expectOnce(site, keys(120));
    expectComplete(site, { read: 120, applied: 120, quarantined: 0 });
  });
});

describe('a next generation', () => {
  test('started anew every item runs again, once; killed in its middle too', async () => {
    const site = crash.site({}, numbered(300));
    let worker = site.spawn();
    await site.start();
    await site.result();
    await worker.kill();
    worker = site.spawn({ HOLDFAST_KILL_AT: 'after-commit:1' });
    await site.start({ again: true });
    await worker.died();
    site.spawn();
    expect(await site.result()).toMatchObject({ state: 'complete', generation: 2 });
    const rows = site.query<{ n: number }>('SELECT count(*) AS n FROM effect GROUP BY key');
    expect(rows.filter((row) => row.n !== 2)).toEqual([]);
    expectComplete(site, { read: 300, applied: 300 });
  });

  test('asked for while the present one is unfinished: it is continued', async () => {
    const site = crash.site({ callMs: 20, concurrency: 10 }, numbered(300));
    site.spawn();
    await site.start();
    await site.untilEffects(50);
    await site.handle.terminate();
    await site.start({ again: true });
    expect(await site.result()).toMatchObject({ state: 'complete', generation: 1 });
    expectOnce(site, keys(300));
  });
});
