import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import { quietTemporal } from '../../cli/quiet-temporal.ts';
import { HoldfastClient } from '../../client/index.ts';
import { defineJob } from '../../definitions/job.ts';
import { DEFAULTS } from '../../definitions/limits.ts';
import { type EmbeddedServer, ensureServer } from '../../server/embedded.ts';
import { sqlTable } from '../../sinks/sql-table.ts';
import { items } from '../../sources/items.ts';
import { jsonl } from '../../sources/jsonl.ts';
import { createWorker, type HoldfastWorker } from '../../worker/index.ts';
import { Site } from './harness.ts';

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

let site: Site;
let server: EmbeddedServer;
let client: HoldfastClient;
let worker: HoldfastWorker;
let working: Promise<void>;
let mended = false;

interface Order {
  readonly id: number;
  readonly fail?: boolean;
}

const orders = defineJob({
  name: 'orders',
  source: jsonl<Order>('orders.jsonl'),
  key: (order) => order.id,
  retry: { attempts: 2, delays: ['10ms'] },
  tolerate: { failures: '50%' },
  onDuplicateKey: 'first',
  run: ({ fail }) => {
    if (fail === true && !mended) throw new Error('not to be had');
    return { paid: true };
  },
}).to(sqlTable({ url: 'sqlite:orders.db', table: 'orders', key: 'id', row: ({ id }) => ({ id }) }));

const many = defineJob({
  name: 'many',
  params: { count: 'number' },
  source: ({ count }) => items(Array.from({ length: count }, (_, number) => ({ number }))),
  key: ({ number }) => number,
  run: ({ number }) => number,
}).to(sqlTable({ url: 'sqlite:many.db', table: 'many', key: 'number', row: ({ number }) => ({ number }) }));

beforeAll(async () => {
  quietTemporal(quiet);
  site = new Site();
  server = await ensureServer({ use: 'keep', home: site.home, say: () => undefined });
  const { address } = server;
  const places = { address, home: site.home, directory: site.directory };
  client = await HoldfastClient.connect(places);
  worker = await createWorker({ jobs: [orders, many], ...places, log: quiet });
  working = worker.run();
});
afterAll(async () => {
  worker.shutdown();
  await working;
  await client.close();
  await site.remove();
});

describe('read = applied + quarantined + unknown (invariant 5)', () => {
  test('with failures, malformed records and doubled keys in it, and again when new and mended ones were added', async () => {
    const file = join(site.directory, 'orders.jsonl');
    const lines = Array.from({ length: 500 }, (_, id) =>
      JSON.stringify({ id, ...(id % 10 === 0 ? { fail: true } : {}) }),
    );
    const malformed = ['{ "id": ', '{} x'];
    const doubled = [JSON.stringify({ id: 7 }), JSON.stringify({ id: 8 })];
    writeFileSync(file, `${[...lines, ...malformed, ...doubled].join('\n')}\n`);

    const first = await (await client.start(orders)).result();
    expect(first).toMatchObject({ state: 'partial', items: { read: 502, applied: 450, quarantined: 52, unknown: 0 } });

    mended = true;
    writeFileSync(file, `${[...lines, ...malformed, ...doubled, JSON.stringify({ id: 500 })].join('\n')}\n`);
    await client.job(first.jobId).redrive();
    const { items: later } = await (await client.start(orders)).result();
    expect(later).toMatchObject({ read: 503, applied: 501, quarantined: 2, unknown: 0, waiting: 0 });
  });
});

describe('what grows with the number of items', () => {
  test('history grows with the number of chunks, a few events each, and holds no items (invariant 7)', async () => {
    const [few, lots] = [await historyOf(20_000), await historyOf(200_000)];
    const chunks = 180_000 / DEFAULTS.chunkRecordsMax;
    expect(lots.events - few.events).toBeLessThan(chunks * 4);
    expect(lots.bytes / lots.events).toBeLessThan((few.bytes / few.events) * 2);
    expect(lots.bytes).toBeLessThan(200_000);
  });

  async function historyOf(count: number): Promise<{ readonly events: number; readonly bytes: number }> {
    const handle = await client.start(many, { params: { count } });
    expect(await handle.result()).toMatchObject({ state: 'complete', items: { applied: count } });
    const connection = await Connection.connect({ address: server.address });
    try {
      const { historyLength, historySize } = await new Client({ connection }).workflow.getHandle(handle.id).describe();
      return { events: historyLength, bytes: Number(historySize) };
    } finally {
      await connection.close();
    }
  }
});
