import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { quietTemporal } from '../../cli/quiet-temporal.ts';
import { HoldfastClient, type Summary } from '../../client/index.ts';
import { defineJob } from '../../definitions/job.ts';
import { type EmbeddedServer, ensureServer } from '../../server/embedded.ts';
import { items } from '../../sources/items.ts';
import { createWorker, type HoldfastWorker } from '../../worker/index.ts';
import { Site } from './harness.ts';
import { until } from './running-command.ts';

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

let site: Site;
let server: EmbeddedServer;
let client: HoldfastClient;
let worker: HoldfastWorker;
let working: Promise<void>;
let mended = false;
let open = Promise.withResolvers<void>();

const squares = defineJob({
  name: 'squares',
  params: { upTo: 'number', bad: { type: 'number', default: -1 } },
  source: ({ upTo }) => items(Array.from({ length: upTo }, (_, number) => ({ number }))),
  key: ({ number }) => number,
  concurrency: 4,
  retry: { attempts: 1 },
  tolerate: { failures: 5 },
  run: async ({ number }, { params }) => {
    if (number >= 3) await open.promise;
    if (number === params.bad && !mended) throw new Error('not a square');
    return { square: number * number };
  },
});

beforeAll(async () => {
  quietTemporal(quiet);
  site = new Site();
  server = await ensureServer({ use: 'keep', home: site.home, say: () => undefined });
  const { address } = server;
  client = await HoldfastClient.connect({ address, home: site.home });
  worker = await createWorker({ jobs: [squares], address, home: site.home, directory: site.directory, log: quiet });
  working = worker.run();
});
afterAll(async () => {
  worker.shutdown();
  await working;
  await client.close();
  await site.remove();
});

describe('a client', () => {
  test('starts a job by itself or by its name and type, watches it and gets its typed results', async () => {
    open.resolve();
    const handle = await client.start(squares, { params: { upTo: 5 } });
    expect(handle.id).toMatch(/^squares-[0-9a-f]{12}$/);
    const seen: Summary[] = [];
    for await (const summary of handle.watch({ intervalMs: 20 })) seen.push(summary);
    expect(seen.at(-1)).toMatchObject({ state: 'complete', items: { applied: 5, total: 5 } });
    const squared: number[] = [];
    for await (const { result } of handle.results()) squared.push(result.square);
    expect(squared).toEqual([0, 1, 4, 9, 16]);
    // The same job under the same id, by another way: complete, and nothing new.
    const named = await client.start<typeof squares>('squares', { params: { upTo: 5, bad: -1 } });
    expect(named.id).toBe(handle.id);
    expect(await named.result()).toMatchObject({ state: 'complete', thisRun: { applied: 0, known: 5 } });
  });

  test('steers a job that runs: pause, set, resume, cancel', async () => {
    open = Promise.withResolvers<void>();
    const handle = await client.start(squares, { params: { upTo: 50 }, id: 'steered' });
    for await (const { items } of handle.watch({ intervalMs: 20 })) if (items.applied >= 3) break;
    expect(await handle.pause()).toMatchObject({ state: 'paused' });
    await handle.set({ concurrency: 7, rate: 100 });
    expect(await handle.status()).toMatchObject({ concurrency: 7, ratePerSecond: 100, summary: { state: 'paused' } });
    await expect(handle.set({ concurrency: 0 })).rejects.toMatchObject({ code: 'HF_OPTION_INVALID' });
    expect(await handle.workers()).toBe(1);
    const cancelled = handle.cancel();
    await until('the cancel is noticed', async () => (await handle.status()).cancelling);
    await sleep(1_000);
    open.resolve();
    expect(await cancelled).toMatchObject({ state: 'cancelled' });
    expect(await client.job('steered').result()).toMatchObject({ state: 'cancelled' });
    await expect(handle.pause()).rejects.toMatchObject({ code: 'HF_JOB_ENDED' });
  });

  test('sends failures through again while a worker runs', async () => {
    open.resolve();
    const handle = await client.start(squares, { params: { upTo: 6, bad: 2 }, id: 'mended' });
    expect(await handle.result()).toMatchObject({ state: 'partial', items: { applied: 5, quarantined: 1 } });
    const failed = [];
    for await (const failure of handle.failures()) failed.push(failure);
    expect(failed).toMatchObject([
      { key: '2', error: { message: 'not a square' }, input: { number: 2 }, place: { index: 2 } },
    ]);
    mended = true;
    expect(await handle.redrive({ keys: ['2'] })).toEqual({ items: 1, how: 'started' });
    expect(await client.job('mended').result()).toMatchObject({
      state: 'complete',
      items: { applied: 6, quarantined: 0 },
    });
  });

  test('refuses other params under an id, an id that nobody knows, and what a worker finds wrong', async () => {
    await expect(client.start(squares, { params: { upTo: 7 }, id: 'mended' })).rejects.toMatchObject({
      code: 'HF_PARAMS_DIFFER',
    });
    await expect(client.start(squares, { params: {} })).rejects.toMatchObject({ code: 'HF_PARAM_MISSING' });
    await expect(client.job('nobody').progress()).rejects.toMatchObject({ code: 'HF_JOB_UNKNOWN' });
    await expect(client.start(squares, { params: { upTo: 1 }, id: ' x' })).rejects.toMatchObject({
      code: 'HF_OPTION_INVALID',
    });
  });

  test('lists every job', async () => {
    const { jobs, unreadable } = await client.list();
    expect(jobs.map(({ jobId }) => jobId)).toEqual(expect.arrayContaining(['steered', 'mended']));
    expect(unreadable).toEqual([]);
  });
});
