import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { CrashServer } from './crash-server.ts';
import { expectComplete, expectContiguous, expectFewCallsAgain, expectOnce } from './oracle.ts';
import { soak } from './soak.ts';

let crash: CrashServer;
beforeAll(async () => {
  crash = await CrashServer.start();
});
afterEach(() => crash.endSites());
afterAll(() => crash.end());

describe('workers that SIGKILL ends at random moments, several times in a row', () => {
  const given = process.env.CRASH_SEED;
  const seeds = given ? [Number(given)] : [1, 2, Date.now() % 1_000_000];
  test.each(seeds.map((seed, i) => [['', 'two at a time, ', 'with the server, '][i] ?? '', seed] as const))(
    '%severy effect lands once, seed %i (invariants 1, 3, 4, 5 and 6)',
    async (how, seed) => {
      const { site, keys, kills } = await soak(crash, {
        seed,
        kills: 5,
        workers: how.startsWith('two') ? 2 : 1,
        server: how.startsWith('with'),
      });
      expect(await site.result(60_000)).toMatchObject({ state: 'complete', generation: 1 });
      expectOnce(site, keys);
      expectComplete(site, { read: keys.length, applied: keys.length, quarantined: 0 });
      expectContiguous(site);
      expectFewCallsAgain(site, { items: keys.length, kills: kills + site.itemsThatFail });
    },
    90_000,
  );
});
