// `node scripts/record-histories.ts`: runs jobs on real servers and writes the history of each shape of the job workflow to
// test/replay/histories/, for the replay tests. Histories of earlier versions that users may still have in flight stay there:
// give new ones a prefix (`--prefix 0.2-`) from the first release on.
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CrashServer } from '../test/crash/crash-server.ts';
import { type CrashSite, numbered } from '../test/crash/site.ts';
import { writeHistory } from '../test/replay/history-text.ts';
import { recordUserHistories } from './record-user-histories.ts';

const { values } = parseArgs({ options: { prefix: { type: 'string', default: '' } } });
const directory = fileURLToPath(new URL('../test/replay/histories/', import.meta.url));
mkdirSync(directory, { recursive: true });
const RETRIED = { callMs: 5, retry: { attempts: 3, delays: ['2s'], jitter: 0 } } as const;
const SLOW = { callMs: 20, concurrency: 10 };

async function withServer(server: Promise<CrashServer>, record: (crash: CrashServer) => Promise<void>): Promise<void> {
  const crash = await server;
  try {
    await record(crash);
  } finally {
    await crash.end();
  }
}

async function save(name: string, site: CrashSite, runId?: string): Promise<void> {
  const history = await site.crash.client.workflow.getHandle(site.jobId, runId).fetchHistory();
  writeFileSync(`${directory}${values.prefix}${name}.json`, writeHistory(history));
  console.log(`${name}: ${history.events?.length} events`);
}

async function plain(crash: CrashServer): Promise<void> {
  const site = crash.site({ callMs: 0 }, numbered(700));
  site.spawn();
  await site.start();
  await site.result();
  await save('plain', site);
  await site.start();
  await site.result();
  await save('nothing-new', site);
}

async function retried(crash: CrashServer): Promise<void> {
  const site = crash.site(
    RETRIED,
    numbered(300, (i) => (i % 50 === 0 ? { fail: 2 } : {})),
  );
  site.spawn();
  await site.start();
  await site.result();
  await save('retry-lanes', site);
}

async function paused(crash: CrashServer): Promise<void> {
  const site = crash.site(SLOW, numbered(300));
  site.spawn();
  await site.start();
  await site.untilEffects(50);
  site.change('UPDATE hf_job SET paused = 1');
  await site.wake();
  await site.quiet();
  site.change('UPDATE hf_job SET paused = 0');
  await site.wake();
  await site.result();
  await save('paused-and-resumed', site);
}

async function cancelled(crash: CrashServer): Promise<void> {
  for (const way of ['cancelled', 'cancelled-by-temporal']) {
    const site = crash.site(SLOW, numbered(300));
    site.spawn();
    await site.start();
    await site.untilEffects(50);
    if (way === 'cancelled') site.change('UPDATE hf_job SET cancelling = 1');
    await (way === 'cancelled' ? site.wake() : site.handle.cancel());
    await site.result();
    await save(way, site);
  }
}

async function failed(crash: CrashServer): Promise<void> {
  const site = crash.site(
    { ...SLOW, retry: { attempts: 1 } },
    numbered(700, (i) => (i % 2 ? { fail: 9 } : {})),
  );
  site.spawn();
  await site.start();
  await site.result();
  await save('failed-by-tolerance', site);
}

async function killed(crash: CrashServer): Promise<void> {
  const site = crash.site(SLOW, numbered(700));
  const worker = site.spawn();
  await site.start();
  await site.untilEffects(150);
  await worker.kill();
  site.spawn();
  await site.result();
  await save('worker-killed', site);
}

async function reopened(crash: CrashServer): Promise<void> {
  const site = crash.site(SLOW, numbered(700));
  site.spawn();
  await site.start();
  await site.untilEffects(150);
  site.copyDatabase();
  await site.untilEffects(300);
  site.restoreDatabase();
  await site.result();
  await save('ledger-restored', site);
}

async function replaced(crash: CrashServer): Promise<void> {
  const site = crash.site({ callMs: 20, concurrency: 30 }, numbered(3_000));
  site.spawn();
  await site.start();
  await site.untilEffects(120);
  site.replaceSource(numbered(3_000).map(({ id }) => ({ id, slowly: 1 })));
  await site.result();
  await save('source-replaced', site);
}

async function continuedAsNew(crash: CrashServer): Promise<void> {
  const site = crash.site(
    RETRIED,
    numbered(250, (i) => (i % 3 === 0 ? { fail: 2 } : {})),
  );
  site.spawn();
  await site.start();
  const { runId } = await site.handle.describe();
  await site.result();
  await save('continued-as-new', site, runId);
  await save('continued-from-another', site);
}

await withServer(CrashServer.start(), async (crash) => {
  for (const shape of [plain, retried, paused, cancelled, failed, killed, reopened, replaced]) {
    await shape(crash);
    await crash.endSites();
  }
});
await withServer(CrashServer.startWithLimit(12), continuedAsNew);
await recordUserHistories(values.prefix);
process.exit(0);
