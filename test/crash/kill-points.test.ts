import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Point } from '../../activities/points.ts';
import type { MemoPoint } from '../../memoization/points.ts';
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

/** How often the point must be reached for each kill in a row. */
const KILLS: Readonly<Record<Exclude<Point, MemoPoint>, readonly number[]>> = {
  'before-read': [1, 2],
  'after-read': [1, 2],
  'after-claim': [1, 2],
  'after-function': [1, 150],
  'before-commit': [1, 2],
  'inside-commit': [1, 2],
  'after-commit': [1, 2],
  'before-report': [1, 1],
  'during-open': [1, 1],
  'during-plan': [1, 1],
  'after-plan': [1],
  'during-close': [1, 1],
  'after-close': [1],
};

describe('a worker that SIGKILL ends at a named point', () => {
  test.each(Object.entries(KILLS))(
    '%s: nothing is lost, doubled or redone (invariants 1, 3 and 6)',
    async (point, kills) => {
      const site = crash.site();
      let worker = site.spawn({ HOLDFAST_KILL_AT: `${point}:${kills[0]}` });
      await site.start();
      for (const times of kills.slice(1)) {
        await worker.died();
        worker = site.spawn({ HOLDFAST_KILL_AT: `${point}:${times}` });
      }
      await worker.died();
      site.spawn();
      expect(await site.result()).toMatchObject({ state: 'complete', generation: 1 });
      expectOnce(site, KEYS);
      expectComplete(site, { read: KEYS.length, applied: KEYS.length, quarantined: 0 });
      expectContiguous(site);
      expectFewCallsAgain(site, { items: KEYS.length, kills: kills.length });
    },
  );
});
