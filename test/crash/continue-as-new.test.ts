import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { CrashServer } from './crash-server.ts';
import { expectComplete, expectContiguous, expectFewCallsAgain, expectOnce } from './oracle.ts';
import { type CrashSite, numbered } from './site.ts';

let crash: CrashServer;
beforeAll(async () => {
  // A dozen activities fill a history.
  crash = await CrashServer.startWithLimit(15);
});
afterEach(() => crash.endSites());
afterAll(() => crash.end());

const ITEMS = numbered(250, (i) => (i % 3 === 0 ? { fail: 2 } : {}));
const KEYS = ITEMS.map((item) => item.id);
/** Many rounds of due items: many activities. */
const JOB = { callMs: 60, concurrency: 3, retry: { attempts: 3, delays: ['1500ms'], jitter: 0.9 } } as const;

async function runs(site: CrashSite): Promise<number> {
  const first = await site.crash.client.workflow.list({ query: `WorkflowId = "${site.jobId}"` });
  let count = 0;
  for await (const _ of first) count++;
  return count;
}

describe('a history that has grown', () => {
  test('continues as new under the same epoch; killed over and over meanwhile, every effect lands once (invariant 7)', async () => {
    const site = crash.site(JOB, ITEMS);
    let worker = site.spawn();
    await site.start();
    for (const kill of [1, 2, 3, 4]) {
      await site.untilEffects(kill * 40);
      await worker.kill();
      worker = site.spawn();
    }
    expect(await site.result()).toMatchObject({ state: 'complete', generation: 1 });
    expect(await runs(site)).toBeGreaterThan(1);
    expect(site.query('SELECT epoch FROM hf_job')).toEqual([{ epoch: 2 }]);
    expectOnce(site, KEYS);
    expectComplete(site, { read: 250, applied: 250 });
    expectContiguous(site);
    expectFewCallsAgain(site, { items: 250, kills: 4 + 84 });
  });
});
