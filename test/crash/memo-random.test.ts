import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { POINTS } from '../../activities/points.ts';
import { CrashServer } from './crash-server.ts';
import { expectComplete, expectOnce } from './oracle.ts';
import { type CrashSite, numbered } from './site.ts';
import { randomOf } from './soak.ts';

const ITEMS = 700;
const SUBJECTS = 500;
const KILLS = 6;

let crash: CrashServer;
beforeAll(async () => {
  crash = await CrashServer.start();
});
afterEach(() => crash.endSites());
afterAll(() => crash.end());

interface Sums {
  readonly hits: number;
  readonly misses: number;
  readonly calls: number;
}

const sumsOf = (site: CrashSite): Sums =>
  site.query<Sums>(
    'SELECT sum(memo_hits) AS hits, sum(memo_misses) AS misses, sum(calls) AS calls FROM hf_chunk',
  )[0] as Sums;

describe('two memoized jobs over the same inputs, whose workers SIGKILL ends at random moments and points', () => {
  const given = process.env.CRASH_SEED;
  test.each(given ? [Number(given)] : [1, Date.now() % 1_000_000])(
    'land every effect once, count every item once, and compute again only what a kill caught, seed %i',
    async (seed) => {
      const random = randomOf(seed);
      const pick = (end: number) => Math.floor(random() * end);
      const items = () => numbered(ITEMS, () => ({ on: `s${pick(SUBJECTS)}`, ...(random() < 0.02 && { fail: 1 }) }));
      const job = { memoized: true, callMs: 15, concurrency: 8, retry: { delays: ['200ms'], jitter: 0.5 } } as const;
      const one = crash.site(job, items());
      const sites = [one, crash.site(job, items(), one)];
      const spawn = (site: CrashSite) =>
        random() < 0.5
          ? site.spawn({ HOLDFAST_KILL_AT: `${POINTS[pick(POINTS.length)]}:${1 + pick(12)}` })
          : site.spawn();
      for (const site of sites) spawn(site);
      await Promise.all(sites.map((site) => site.start()));
      for (let kill = 0; kill < KILLS; kill++) {
        await sleep(200 + random() * 1_500);
        for (const site of sites) {
          for (const worker of site.workers) if (worker.isRunning && random() < 0.6) await worker.kill();
          if (!site.workers.some((worker) => worker.isRunning)) spawn(site);
        }
      }
      // Those that a point may yet end are not the last ones.
      for (const site of sites) site.spawn();
      for (const site of sites) expect(await site.result(60_000)).toMatchObject({ state: 'complete' });

      const died = sites.flatMap((site) => site.workers).filter((worker) => !worker.isRunning).length;
      const failing = sites.reduce((sum, site) => sum + site.itemsThatFail, 0);
      for (const site of sites) {
        expectOnce(
          site,
          numbered(ITEMS).map((item) => item.id),
        );
        expectComplete(site, { read: ITEMS, applied: ITEMS, quarantined: 0 });
        const { hits, misses, calls } = sumsOf(site);
        expect(hits + misses).toBe(ITEMS);
        expect(calls).toBeGreaterThanOrEqual(misses);
        expect(calls).toBeLessThanOrEqual(misses + site.itemsThatFail);
      }
      const calls = sites.flatMap((site) => site.calls());
      const again = calls.length - new Set(calls).size;
      expect(again).toBeLessThanOrEqual(failing + died * 2 * job.concurrency);
    },
    120_000,
  );
});
