// What a hit costs in a user's worker beyond the activity itself: a Worker with the plugin on an embedded server, activities one at a
// time, timed by an interceptor around everything that Holdfast adds. Three activities: a plain one, the same
// memoized, and a memoized task; each memoized call finds its result in the store.
// What it does not measure: the server's part of an activity (some milliseconds), a store with a million results (`bench/memo.ts`
// does), many calls at once.
//
//   node --import ./scripts/source-loader.mjs bench/task-hit.ts [--calls 300]
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import {
  type ActivityInterceptorsFactory,
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
  type WorkerPlugin,
} from '@temporalio/worker';
import { defineTask } from 'holdfast';
import { HoldfastPlugin } from 'holdfast/worker';
import { median } from './measure.ts';

const { values } = parseArgs({ options: { calls: { type: 'string', default: '300' } } });
const calls = Number(values.calls);
const KEYS = 50;
const result = (key: number) => ({ key, text: 'x'.repeat(180) });

const price = defineTask({ name: 'price', run: (key: number) => result(key), memoize: {} });
const activities = { plain: async (key: number) => result(key), fetched: async (key: number) => result(key) };

Runtime.install({ logger: new DefaultLogger('ERROR') });
const home = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
const command = fileURLToPath(new URL('../bin/holdfast.js', import.meta.url));
const env = { ...process.env, HOLDFAST_HOME: home };
const server = (verb: string) =>
  execFileSync(process.execPath, [command, 'server', verb, '--json'], {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
const { address } = JSON.parse(server('start')) as { readonly address: string };
const took = new Map<string, number[]>();

/** Around everything, whatever other plugins have added. */
const timer: WorkerPlugin = {
  name: 'timer',
  configureWorker: (options) => {
    const timed: ActivityInterceptorsFactory = ({ info }) => ({
      inbound: {
        async execute(input, next) {
          const began = performance.now();
          const value = await next(input);
          took.get(info.activityType)?.push(performance.now() - began);
          return value;
        },
      },
    });
    const { activity = [], ...interceptors } = options.interceptors ?? {};
    return { ...options, interceptors: { ...interceptors, activity: [timed, ...activity] } };
  },
};

try {
  const connection = await Connection.connect({ address });
  const native = await NativeConnection.connect({ address });
  const worker = await Worker.create({
    connection: native,
    taskQueue: 'bench',
    activities,
    plugins: [new HoldfastPlugin({ home, tasks: [price], memoizeActivities: { fetched: {} } }), timer],
  });
  const { activity } = new Client({ connection });
  let id = 0;
  const call = (type: string, key: number) =>
    activity.execute(type, { id: `${type}-${id++}`, taskQueue: 'bench', args: [key], startToCloseTimeout: '1 minute' });
  await worker.runUntil(async () => {
    for (const type of ['plain', 'fetched', 'price']) {
      for (let key = 0; key < KEYS; key++) await call(type, key);
      took.set(type, []);
      for (let n = 0; n < calls; n++) await call(type, n % KEYS);
    }
  });
  for (const [type, times] of took) {
    const sorted = times.toSorted((a, b) => a - b);
    const p99 = sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
    console.log(`${type.padEnd(8)} median ${median(times).toFixed(3)} ms, 99 of 100 within ${p99.toFixed(3)} ms`);
  }
  await native.close();
  await connection.close();
} finally {
  server('stop');
  rmSync(home, { recursive: true, force: true });
}
