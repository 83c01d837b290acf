import { afterEach, expect, test } from '@jest/globals';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { HoldfastClient } from '../../client/index.ts';
import { defineTask } from '../../definitions/task.ts';
import { startServer } from '../../server/embedded.ts';
import { createWorker } from '../../worker/index.ts';
import { cleanUp, newHome } from './embedded-server-fixture.ts';

Runtime.install({ logger: new DefaultLogger('ERROR') });

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const variables = ['TEMPORAL_ADDRESS', 'TEMPORAL_NAMESPACE'] as const;
const before = variables.map((name) => [name, process.env[name]] as const);

afterEach(async () => {
  for (const [name, value] of before) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  await cleanUp();
});

const double = defineTask({ name: 'double', run: (n: number) => 2 * n });

test('where nothing is configured, client and worker of a program find the embedded server of the home', async () => {
  for (const name of variables) delete process.env[name];
  const home = newHome();
  await startServer({ home, say: () => undefined });
  // It has this namespace only: one that goes with no address is for another server.
  process.env.TEMPORAL_NAMESPACE = 'elsewhere';
  const worker = await createWorker({ tasks: { double }, home, log: quiet });
  const running = worker.run();
  await using client = new HoldfastClient({ home });
  try {
    expect(await client.runTask(double, 21)).toBe(42);
  } finally {
    worker.shutdown();
    await running;
  }
}, 60_000);

test('an address that is given or configured counts, whatever embedded server runs', async () => {
  const home = newHome();
  await startServer({ home, say: () => undefined });
  process.env.TEMPORAL_ADDRESS = '127.0.0.1:1';
  const refusedAt = (address: string) => ({ code: 'HF_SERVER_UNREACHABLE', fields: { address } });
  await Promise.all([
    expect(HoldfastClient.connect({ home, address: '127.0.0.1:2' })).rejects.toMatchObject(refusedAt('127.0.0.1:2')),
    expect(HoldfastClient.connect({ home })).rejects.toMatchObject(refusedAt('127.0.0.1:1')),
    expect(createWorker({ tasks: { double }, home, log: quiet })).rejects.toMatchObject(refusedAt('127.0.0.1:1')),
  ]);
}, 60_000);

test('where none runs, it is looked for at the usual address', async () => {
  for (const name of variables) delete process.env[name];
  // Where something answers at the usual address, it is at least not refused.
  const found = await HoldfastClient.connect({ home: newHome() }).then(
    (client) => client.close(),
    (error: unknown) => error,
  );
  if (found !== undefined) expect(found).toMatchObject({ fields: { address: 'localhost:7233' } });
}, 60_000);
