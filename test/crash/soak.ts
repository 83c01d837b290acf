import { setTimeout as sleep } from 'node:timers/promises';
import type { CrashServer } from './crash-server.ts';
import { type CrashSite, numbered } from './site.ts';

export interface SoakOptions {
  readonly seed: number;
  readonly kills: number;
  /** Worker processes at a time. */
  readonly workers: number;
  /** Whether the server is killed too, now and then. */
  readonly server: boolean;
}

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Runs a job and kills its workers at random moments; the last ones live. */
export async function soak(
  crash: CrashServer,
  { seed, kills, workers, server }: SoakOptions,
): Promise<{ readonly site: CrashSite; readonly keys: readonly string[]; readonly kills: number }> {
  const random = randomOf(seed);
  const items = numbered(1_000, () => (random() < 0.03 ? { fail: 1 } : {}));
  const job = { callMs: 30, concurrency: 10, retry: { delays: ['200ms'], jitter: 0.5 } } as const;
  const site = crash.site(job, items);
  for (let i = 0; i < workers; i++) site.spawn();
  await site.start();
  for (let kill = 0; kill < kills; kill++) {
    // From before a worker has connected to well into its work.
    await sleep(300 + random() * 2_000);
    const victim = site.workers.filter((worker) => worker.isRunning)[Math.floor(random() * workers)];
    await victim?.kill();
    if (server && random() < 0.5) {
      await crash.kill();
      await sleep(random() * 500);
      await crash.restart();
    }
    site.spawn();
  }
  return { site, keys: items.map((item) => item.id), kills };
}
