import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { MEMO_POINTS } from '../../memoization/points.ts';
import { CrashServer } from './crash-server.ts';
import { expectComplete, expectOnce } from './oracle.ts';
import { type CrashSite, numbered } from './site.ts';

let crash: CrashServer;
beforeAll(async () => {
  crash = await CrashServer.start();
});
afterEach(() => crash.endSites());
afterAll(() => crash.end());

const keys = (count: number) => numbered(count).map((item) => item.id);
const MEMO = { memoized: true, callMs: 5 };

interface MemoSums {
  readonly hits: number;
  readonly misses: number;
  readonly calls: number;
}

/** What memoization did for the newest generation, by its ledger. */
function memoOf(site: CrashSite): MemoSums {
  const [row] = site.query<MemoSums>(
    'SELECT sum(memo_hits) AS hits, sum(memo_misses) AS misses, sum(calls) AS calls FROM hf_chunk',
  );
  return row as MemoSums;
}

/** Calls beyond one for each subject. */
const callsAgain = (site: CrashSite, others: readonly CrashSite[] = []) => {
  const calls = [site, ...others].flatMap((one) => one.calls());
  return calls.length - new Set(calls).size;
};

describe('a memoized job that SIGKILL ends at a named point', () => {
  test.each([...MEMO_POINTS].filter((point) => point !== 'after-memo-file' && point !== 'after-memo-release'))(
    '%s: every effect lands once, and what was stored is not computed again (invariants 1 and 8)',
    async (point) => {
      const site = crash.site(MEMO, numbered(400));
      let worker = site.spawn({ HOLDFAST_KILL_AT: `${point}:1` });
      await site.start();
      await worker.died();
      const again = point === 'after-memo-lookup' ? '2' : '15';
      worker = site.spawn({ HOLDFAST_KILL_AT: `${point}:${again}` });
      await worker.died();
      site.spawn();
      expect(await site.result()).toMatchObject({ state: 'complete' });
      expectOnce(site, keys(400));
      expectComplete(site, { read: 400, applied: 400 });
      // What was computed and not yet stored: in flight, and in the transaction that was being gathered.
      expect(callsAgain(site)).toBeLessThanOrEqual(2 * 2 * site.job.concurrency);
    },
  );
});

describe('a job whose inputs were computed before', () => {
  test('calls the function zero times, and still writes every effect', async () => {
    const first = crash.site(MEMO, numbered(700));
    first.spawn();
    await first.start();
    expect(await first.result()).toMatchObject({ state: 'complete' });
    const second = crash.site(MEMO, numbered(700), first);
    second.spawn();
    await second.start();
    expect(await second.result()).toMatchObject({ state: 'complete' });
    expect(second.calls()).toEqual([]);
    expectOnce(second, keys(700));
    expect(memoOf(second)).toEqual({ hits: 700, misses: 0, calls: 0 });
    expect(memoOf(first)).toEqual({ hits: 0, misses: 700, calls: 700 });
  });

  test('with refresh computes each once more, however often it is killed, and stores', async () => {
    const first = crash.site(MEMO, numbered(300));
    first.spawn();
    await first.start();
    await first.result();
    const second = crash.site(MEMO, numbered(300), first);
    const worker = second.spawn({ HOLDFAST_KILL_AT: 'after-commit:1' });
    await second.start({ refresh: true });
    await worker.died();
    second.spawn();
    expect(await second.result()).toMatchObject({ state: 'complete' });
    expect(new Set(second.calls()).size).toBe(300);
    expect(callsAgain(second)).toBeLessThanOrEqual(2 * second.job.concurrency);
    expectOnce(second, keys(300));
  });
});

describe('single flight in jobs', () => {
  test('a thousand items in eight chunks with fifty inputs are fifty calls (invariant 9)', async () => {
    const items = numbered(1_000, (i) => ({ on: `town ${i % 50}` }));
    const site = crash.site({ ...MEMO, callMs: 30, concurrency: 8 }, items);
    site.spawn();
    site.spawn();
    await site.start();
    expect(await site.result()).toMatchObject({ state: 'complete' });
    expect(callsAgain(site)).toBe(0);
    expect(site.calls()).toHaveLength(50);
    expect(memoOf(site)).toMatchObject({ hits: 950, misses: 50 });
    expectOnce(site, keys(1_000));
  });

  test('two jobs at once over the same inputs, in two processes, call once for each (invariant 8)', async () => {
    const one = crash.site({ ...MEMO, callMs: 20 }, numbered(500));
    const other = crash.site({ ...MEMO, callMs: 20 }, numbered(500).reverse(), one);
    one.spawn();
    other.spawn();
    await Promise.all([one.start(), other.start()]);
    expect(await one.result()).toMatchObject({ state: 'complete' });
    expect(await other.result()).toMatchObject({ state: 'complete' });
    expect(callsAgain(one, [other])).toBe(0);
    expectOnce(one, keys(500));
    expectOnce(other, keys(500));
    expect(memoOf(one).misses + memoOf(other).misses).toBe(500);
  });

  test('a paused job, and one of concurrency 1, hold nothing that another needs (invariant 9)', async () => {
    const paused = crash.site({ ...MEMO, callMs: 20, concurrency: 5 }, numbered(300));
    const narrow = crash.site({ ...MEMO, callMs: 5, concurrency: 1 }, numbered(300).reverse(), paused);
    paused.spawn();
    await paused.start();
    await paused.untilEffects(10);
    paused.change('UPDATE hf_job SET paused = 1');
    await paused.wake();
    await paused.quiet();
    narrow.spawn();
    await narrow.start();
    expect(await narrow.result()).toMatchObject({ state: 'complete' });
    paused.change('UPDATE hf_job SET paused = 0');
    await paused.wake();
    expect(await paused.result()).toMatchObject({ state: 'complete' });
    expect(callsAgain(paused, [narrow])).toBe(0);
    expectOnce(narrow, keys(300));
    expectOnce(paused, keys(300));
  });

  test('a holder that fails lets one of those who wait try next; a failed call is never stored', async () => {
    const items = numbered(40, () => ({ on: 'the same', fail: 1 }));
    const site = crash.site({ ...MEMO, concurrency: 10, retry: { attempts: 2, delays: ['50ms'] } }, items);
    site.spawn();
    await site.start();
    expect(await site.result()).toMatchObject({ state: 'complete' });
    // Each item's first call fails; the first second call is the result of all.
    expect(site.calls().length).toBeGreaterThanOrEqual(2);
    expect(site.calls().length).toBeLessThanOrEqual(41);
    expectOnce(site, keys(40));
    expectComplete(site, { applied: 40, quarantined: 0 });
  });

  test('a holder that is killed is replaced within its machine, long before any lease ends', async () => {
    const one = crash.site({ ...MEMO, callMs: 60_000, concurrency: 1 }, numbered(1));
    const other = crash.site({ ...MEMO, callMs: 5 }, numbered(1), one);
    const holder = one.spawn();
    await one.start();
    await one.untilCalls('k0', 1);
    other.spawn();
    await other.start();
    await other.quiet();
    expect(other.calls()).toEqual([]);
    await holder.kill();
    expect(await other.result(12_000)).toMatchObject({ state: 'complete' });
    expectOnce(other, ['k0']);
  });
});

describe('a store that cannot be used while a memoized job runs', () => {
  /** Runs SQL on the store, as an operator's mistake or another program does. */
  const onStore = (site: CrashSite) => new DatabaseSync(join(site.home, 'store.db'), { timeout: 10_000 });

  test('locked for long: computed results are kept, and nothing is called again', async () => {
    const site = crash.site({ ...MEMO, callMs: 20 }, numbered(400));
    site.spawn();
    await site.start();
    await site.untilEffects(50);
    const store = onStore(site);
    store.exec('BEGIN IMMEDIATE');
    await sleep(18_000);
    store.exec('ROLLBACK');
    store.close();
    expect(await site.result()).toMatchObject({ state: 'complete' });
    expect(callsAgain(site)).toBe(0);
    expectOnce(site, keys(400));
    const after = onStore(site);
    expect(after.prepare('SELECT count(DISTINCT key) AS stored FROM hf_memo').get()).toEqual({ stored: 400 });
    after.close();
  }, 90_000);

  test("broken: by default the job waits until it is mended; with onStoreError 'run' it does without", async () => {
    const strict = crash.site({ ...MEMO, callMs: 20, concurrency: 5 }, numbered(300));
    const lax = crash.site({ ...MEMO, onStoreError: 'run' }, numbered(300), strict);
    strict.spawn();
    await strict.start();
    await strict.untilEffects(20);
    const store = onStore(strict);
    store.exec('ALTER TABLE hf_memo_claim RENAME TO away');
    await strict.quiet();
    expect(strict.effects()).toBeLessThan(300);
    lax.spawn();
    await lax.start();
    expect(await lax.result()).toMatchObject({ state: 'complete' });
    expectOnce(lax, keys(300));
    store.exec('ALTER TABLE away RENAME TO hf_memo_claim');
    store.close();
    expect(await strict.result()).toMatchObject({ state: 'complete' });
    expectOnce(strict, keys(300));
  }, 90_000);
});
