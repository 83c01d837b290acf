import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { DataConverter, Payload, PayloadCodec } from '@temporalio/common';
import { HoldfastClient } from '../../client/index.ts';
import { defineJob } from '../../definitions/job.ts';
import { defineTask } from '../../definitions/task.ts';
import { items } from '../../sources/items.ts';
import { TestEnvironment } from '../../testing/index.ts';
import { createWorker } from '../../worker/index.ts';
import { bundle, PluggedSite } from './plugged-site.ts';

const log = { debug() {}, info() {}, warn() {}, error() {} };
let site: PluggedSite;
let calls: unknown[] = [];

const add = defineTask({
  name: 'add',
  run: ({ x, y }: { readonly x: number; readonly y: number }) => {
    calls.push([x, y]);
    return { sum: x + y, at: new Date(x) };
  },
  memoize: {},
});

const fail = defineTask({
  name: 'fail',
  run: (what: string): never => {
    calls.push(what);
    throw new RangeError(`no ${what}`);
  },
  retry: { attempts: 2, delays: ['10ms'] },
});

const slow = defineTask({
  name: 'slow',
  run: async (ms: number) => {
    calls.push(ms);
    await new Promise((resolve) => setTimeout(resolve, ms));
    return ms;
  },
});

const secretive = defineJob({
  name: 'secretive',
  params: { word: 'string' },
  source: items([{ n: 1 }, { n: 2 }]),
  key: ({ n }) => n,
  run: ({ n }, { params }) => `${params.word} ${n}`,
});

/** Turns every byte around, and says so. */
const codec: PayloadCodec = {
  encode: async (payloads) => payloads.map((payload) => turn(payload, 'binary/turned', payload)),
  decode: async (payloads) =>
    payloads.map(({ metadata, data }) => ({
      metadata: { encoding: metadata?.['inner'] ?? new Uint8Array() },
      data: flip(data ?? new Uint8Array()),
    })),
};

function turn({ metadata, data }: Payload, encoding: string, inner: Payload): Payload {
  return {
    metadata: { ...metadata, encoding: Buffer.from(encoding), inner: inner.metadata?.['encoding'] ?? new Uint8Array() },
    data: flip(data ?? new Uint8Array()),
  };
}

function flip(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte) => byte ^ 0xff);
}

beforeAll(async () => {
  site = await PluggedSite.create();
});

afterAll(() => site.remove());

async function withWorker<T>(
  work: (client: HoldfastClient) => Promise<T>,
  { home = site.home, dataConverter }: { readonly home?: string; readonly dataConverter?: DataConverter } = {},
): Promise<T> {
  calls = [];
  const place = { address: site.server.address, home, ...(dataConverter ? { dataConverter } : {}) };
  const worker = await createWorker({ tasks: { add, fail, slow }, log, ...place });
  const running = worker.run();
  await using client = new HoldfastClient(place);
  try {
    return await work(client);
  } finally {
    worker.shutdown();
    await running;
  }
}

describe('a task run by a client with no workflow of its own', () => {
  test('its result comes back as it was made, by task or by name, and is computed once', async () => {
    const [byTask, byName] = await withWorker(async (client) => [
      await client.runTask(add, { x: 1, y: 2 }),
      await client.runTask<typeof add>('add', { x: 1, y: 2 }),
    ]);
    expect(byTask).toEqual({ sum: 3, at: new Date(1) });
    expect(byName).toEqual(byTask);
    expect(calls).toEqual([[1, 2]]);
  });

  test('refresh computes anew', async () => {
    await withWorker(async (client) => {
      await client.runTask(add, { x: 5, y: 5 });
      await client.runTask(add, { x: 5, y: 5 }, { refresh: true });
      await client.runTask(add, { x: 5, y: 5 });
    });
    expect(calls).toHaveLength(2);
  });

  test('calls of one id while it is under way are one call', async () => {
    const both = await withWorker((client) =>
      Promise.all([1, 2].map(() => client.runTask(slow, 500, { id: 'the-slow-one' }))),
    );
    expect(both).toEqual([500, 500]);
    expect(calls).toEqual([500]);
  });

  test('an id under which something else is under way is refused, by runTask and by start', async () => {
    await withWorker(async (client) => {
      const first = client.runTask(slow, 1_000, { id: 'taken' });
      while (calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      const another = { code: 'HF_OPTION_INVALID', fields: { option: 'id', value: 'taken' } };
      await expect(client.runTask(add, { x: 1, y: 1 }, { id: 'taken' })).rejects.toMatchObject(another);
      await expect(client.start(secretive, { params: { word: 'any' }, id: 'taken' })).rejects.toMatchObject(another);
      expect(await first).toBe(1_000);
    });
    const open = await site.client.workflow.start('holdfastJob', {
      workflowId: 'a-job',
      taskQueue: 'nowhere',
      args: [],
    });
    await using client = new HoldfastClient({ address: site.server.address, home: site.home });
    await expect(client.runTask(slow, 1, { id: 'a-job' })).rejects.toMatchObject({ code: 'HF_OPTION_INVALID' });
    await open.terminate();
  });

  test.each([3_000_000, 6_000_000])('an input of %s bytes is refused before it is sent', async (bytes) => {
    await using client = new HoldfastClient({ address: site.server.address, home: site.home });
    const sending = client.runTask(fail, 'x'.repeat(bytes));
    await expect(sending).rejects.toMatchObject({ code: 'HF_PAYLOAD_TOO_LARGE', fields: { max: 2_097_152 } });
  });

  test('what is no task is refused', async () => {
    await using client = new HoldfastClient({ address: site.server.address, home: site.home });
    await expect(client.runTask((() => 1) as never, 1 as never)).rejects.toMatchObject({ code: 'HF_OPTION_INVALID' });
  });

  test('a failed one says which task, how often and why', async () => {
    const failing = withWorker((client) => client.runTask(fail, 'luck'));
    await expect(failing).rejects.toMatchObject({
      code: 'HF_TASK_FAILED',
      message: 'Task fail failed 2 times, its retries are used up: no luck',
    });
    expect(calls).toEqual(['luck', 'luck']);
  });

  test('an input that cannot be sent is refused with the path to it', async () => {
    const sending = withWorker((client) => client.runTask(slow, { deep: () => 1 } as never));
    await expect(sending).rejects.toMatchObject({ code: 'HF_RESULT_NOT_STORABLE', fields: { path: '$.deep' } });
  });

  test('payload codecs apply on the way and to what is stored', async () => {
    const home = join(site.directory, 'sealed');
    const dataConverter = { payloadCodecs: [codec] };
    const run = () => withWorker((client) => client.runTask(add, { x: 123456789, y: 1 }), { home, dataConverter });
    expect(await run()).toMatchObject({ sum: 123456790 });
    expect(await run()).toMatchObject({ sum: 123456790 });
    expect(calls).toEqual([]);
    expect(readFileSync(join(home, 'store.db'), 'latin1')).not.toMatch(/123456790|"sum"/);
  });

  test('jobs run under payload codecs, too', async () => {
    const place = {
      address: site.server.address,
      home: join(site.directory, 'sealed-job'),
      dataConverter: { payloadCodecs: [codec] },
    };
    const worker = await createWorker({ jobs: [secretive], log, ...place });
    const running = worker.run();
    await using client = new HoldfastClient(place);
    const handle = await client.start(secretive, { params: { word: 'quiet words' } });
    expect((await handle.result()).state).toBe('complete');
    worker.shutdown();
    await running;
    const history = await site.client.workflow.getHandle(handle.id).fetchHistory();
    const [started] = history.events ?? [];
    const { input } = started?.workflowExecutionStartedEventAttributes ?? {};
    expect(Buffer.from(input?.payloads?.[0]?.data ?? []).toString('latin1')).not.toContain('quiet words');
  });

  test("a Worker of the user's own serves it on its own task queue", async () => {
    calls = [];
    const workflowBundle = await bundle('task-flows.ts');
    const options = { taskQueue: 'mine', workflowBundle, plugins: [site.plugin({ tasks: [add] })] };
    await using client = new HoldfastClient({ address: site.server.address, home: site.home });
    const sum = await site.working(options, () => client.runTask(add, { x: 9, y: 9 }, { taskQueue: 'mine' }));
    expect(sum).toMatchObject({ sum: 18 });
  });

  test('a worker that would serve nothing is refused', async () => {
    await expect(createWorker({ address: site.server.address, home: site.home })).rejects.toMatchObject({
      code: 'HF_DEFINITION_INVALID',
    });
  });

  test("users' tests run it on a server of their own", async () => {
    calls = [];
    await using holdfast = await TestEnvironment.create();
    expect(await holdfast.runTask(add, { x: 2, y: 2 })).toMatchObject({ sum: 4 });
    expect(await holdfast.runTask(add, { x: 2, y: 2 })).toMatchObject({ sum: 4 });
    expect(calls).toHaveLength(1);
  });
});
