// The memoization store by itself: one process, a SQLite file in which a million results of 200 bytes are already, hits and
// stores in batches of 500. A store is all of it: the claim of each key, and the result in its place. As in a job the keys were looked
// up before, in vain, which is not counted as a part of storing.
// What it does not measure: several processes on one file, keys made of large inputs, results in files, a cold page cache, and
// the job or activity around it.
//
//   node bench/memo.ts [--entries 1000000] [--seconds 5] [--batch 500]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openDatabase } from '../database/open-database.ts';
import type { Claim, Memoization, MemoKey, MemoTask } from '../memoization/memoization.ts';
import { openMemoization } from '../memoization/open-memoization.ts';

const { values } = parseArgs({
  options: {
    entries: { type: 'string', default: '1000000' },
    seconds: { type: 'string', default: '5' },
    batch: { type: 'string', default: '500' },
    path: { type: 'string' },
  },
});
const entries = Number(values.entries);
const seconds = Number(values.seconds);
const batch = Number(values.batch);

const task: MemoTask = {
  name: 'price',
  version: '1',
  memoize: { expires: { kind: 'never' }, key: null, refresh: false, storage: null, onStoreError: 'fail' },
};
const inputOf = (n: number) => ({ sku: `sku-${n}` });
/** 200 bytes as they are stored. */
const resultOf = (n: number) => ({ sku: `sku-${n}`, text: 'x'.repeat(200 - `{"sku":"sku-${n}","text":""}`.length) });

/** What the parts of a store take, in milliseconds. */
const spent = { lookups: 0, keys: 0, claims: 0, completes: 0, processor: 0 };

async function storeBatch(memoization: Memoization, from: number, size: number): Promise<void> {
  const numbers = Array.from({ length: size }, (_, n) => from + n);
  const started = performance.now();
  const keys = numbers.map((n) => memoization.keyOf(task, inputOf(n)));
  const keyed = performance.now();
  await memoization.lookup(task, keys, { notBefore: null });
  const missed = performance.now();
  const used = process.cpuUsage();
  const answers = await Promise.all(keys.map((key) => memoization.claim(task, key, { notBefore: null })));
  const claimed = performance.now();
  await Promise.all(
    answers.map((answer, n) => {
      const claim = (answer as { readonly claim: Claim }).claim;
      const number = numbers[n] as number;
      const made = { value: resultOf(number), input: inputOf(number), costMs: 1, madeBy: 'job prices' };
      return memoization.complete({ claim, ...made });
    }),
  );
  spent.keys += keyed - started;
  spent.lookups += missed - keyed;
  spent.claims += claimed - missed;
  spent.completes += performance.now() - claimed;
  const { user, system } = process.cpuUsage(used);
  spent.processor += (user + system) / 1_000 + keyed - started;
}

async function hitBatch(memoization: Memoization, choose: () => number): Promise<void> {
  const keys: MemoKey[] = [];
  for (let n = 0; n < batch; n++) keys.push(memoization.keyOf(task, inputOf(choose())));
  const hits = await memoization.lookup(task, keys, { notBefore: null });
  if (hits.includes(null)) throw new Error('A stored result was not found');
}

interface Rate {
  readonly aSecond: number;
  /** Microseconds of the processor an operation: what does not change when others use the machine as well. */
  readonly processorUs: number;
}

/** The rate of batches that follow each other. */
async function measure(run: () => Promise<void>): Promise<Rate> {
  const started = performance.now();
  const used = process.cpuUsage();
  let done = 0;
  while (performance.now() - started < seconds * 1_000) {
    await run();
    done += batch;
  }
  const { user, system } = process.cpuUsage(used);
  return { aSecond: (done * 1_000) / (performance.now() - started), processorUs: (user + system) / done };
}

async function measureSingles(memoization: Memoization): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < 2_000; n++) {
    const key = memoization.keyOf(task, inputOf(Math.floor(Math.random() * entries)));
    const started = performance.now();
    await memoization.lookup(task, [key], { notBefore: null });
    times.push(performance.now() - started);
  }
  return times.sort((a, b) => a - b)[times.length >> 1] as number;
}

const directory = values.path ?? mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
try {
  const database = await openDatabase('sqlite:memo.db', { directory });
  const memoization = await openMemoization({
    database,
    directory,
    results: join(directory, 'results'),
    now: Date.now,
    seal: null,
    owner: 'bench',
    livingOwners: async (owners) => new Set(owners),
    reach: () => {},
  });
  const [{ count }] = (await database.read((tx) => tx.all('SELECT count(*) AS count FROM hf_memo'))) as [
    { count: number },
  ];
  let next = count;
  while (next < entries) {
    await storeBatch(memoization, next, 5_000);
    next += 5_000;
  }
  let at = 0;
  const inOrder = await measure(() => hitBatch(memoization, () => at++ % entries));
  const atRandom = await measure(() => hitBatch(memoization, () => Math.floor(Math.random() * entries)));
  const single = await measureSingles(memoization);
  Object.assign(spent, { lookups: 0, keys: 0, claims: 0, completes: 0, processor: 0 });
  const first = next;
  await measure(async () => {
    await storeBatch(memoization, next, batch);
    next += batch;
  });
  const stored = next - first;
  await memoization.close();
  await database.close();
  const show = ({ aSecond, processorUs }: Rate) =>
    `${Math.round(aSecond)} (${processorUs.toFixed(1)} µs of the processor each)`;
  const storing = spent.keys + spent.claims + spent.completes;
  const share = (ms: number) => `${Math.round((100 * ms) / storing)} %`;
  const stores = { aSecond: (stored * 1_000) / storing, processorUs: (spent.processor * 1_000) / stored };
  console.log(`entries present     ${entries}`);
  console.log(`hits a second       ${show(inOrder)}: the inputs of a job, again`);
  console.log(`                    ${show(atRandom)}: inputs at random`);
  console.log(`one hit             ${single.toFixed(3)} ms (median)`);
  console.log(`stores a second     ${show(stores)}`);
  console.log(`of which keys ${share(spent.keys)}, claims ${share(spent.claims)}, results ${share(spent.completes)}`);
} finally {
  if (values.path === undefined) rmSync(directory, { recursive: true });
}
