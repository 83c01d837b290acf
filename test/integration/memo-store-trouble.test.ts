import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { defineJob, defineTask, items } from 'holdfast';
import { TestEnvironment } from 'holdfast/testing';

let holdfast: TestEnvironment;
let directory: string;
let jobs = 0;
const given = process.env['HOLDFAST_STORE'];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-memo-'));
  process.env['HOLDFAST_STORE'] = `sqlite:${join(directory, 'store.db')}`;
  holdfast = await TestEnvironment.create();
}, 60_000);

afterAll(async () => {
  if (given === undefined) delete process.env['HOLDFAST_STORE'];
  else process.env['HOLDFAST_STORE'] = given;
  await holdfast.close();
  await rm(directory, { recursive: true, force: true });
});

/** The store, as another program sees it. */
const intruder = () => new DatabaseSync(join(directory, 'store.db'), { timeout: 5_000 });

describe('a store that cannot be used while an item calls memoized tasks', () => {
  test.each([
    ['lets its error through', (call: Promise<string>) => call],
    ['makes something of its error', (call: Promise<string>) => call.catch(() => 'a guess')],
  ])(
    'is no fault of the item, whose function %s',
    async (_, handle) => {
      jobs += 1;
      let spoiled = 0;
      const locate = defineTask({
        name: `locate-${jobs}`,
        run: async (n: number) => {
          if (n === 3 && spoiled++ === 0) {
            const store = intruder();
            store.exec('ALTER TABLE hf_memo_recent RENAME TO away');
            setTimeout(() => {
              store.exec('ALTER TABLE away RENAME TO hf_memo_recent');
              store.close();
            }, 1_500);
          }
          await sleep(5);
          return `place ${n}`;
        },
        memoize: {},
      });
      const job = defineJob({
        name: `orders-${jobs}`,
        source: items([1, 2, 3, 4, 5, 6]),
        key: (n) => n,
        concurrency: 2,
        retry: { attempts: 1 },
        run: (n) => handle(locate(n)),
      });

      const run = await holdfast.run(job);

      expect(await run.result()).toMatchObject({ state: 'complete', items: { applied: 6 }, calls: { retried: 0 } });
      const results = await Array.fromAsync(run.results());
      expect(results.map(({ result }) => result).sort()).toEqual([1, 2, 3, 4, 5, 6].map((n) => `place ${n}`));
    },
    60_000,
  );
});
