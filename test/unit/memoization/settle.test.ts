import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Database } from '../../../database/database.ts';
import { openSqlite } from '../../../database/sqlite.ts';
import { settleAll, settleSlice } from '../../../memoization/settle.ts';
import { type MemoProcess, MemoSite, memoTask } from '../../conformance/memo-site.ts';

let site: MemoSite;
let database: Database;
let one: MemoProcess;
let other: MemoProcess;
const task = memoTask();
const INPUTS = Array.from({ length: 200 }, (_, n) => n);

beforeEach(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-memo-'));
  site = new MemoSite({
    directory,
    open: () => openSqlite({ path: join(directory, 'memo.db') }),
    remove: () => rm(directory, { recursive: true, force: true }),
  });
  database = await site.database();
  [one, other] = [await site.process(), await site.process()];
});
afterEach(() => site.end());

const count = async (table: string): Promise<number> => {
  const [row] = await database.read((tx) => tx.all<{ n: number }>(`SELECT count(*) AS n FROM ${table}`));
  return row?.n ?? 0;
};
const values = async (process: MemoProcess): Promise<readonly unknown[]> => {
  const keys = INPUTS.map((n) => process.memoization.keyOf(task, n));
  const hits = await process.memoization.lookup(task, keys, { notBefore: null });
  return hits.map((hit) => (hit === null ? 'miss' : hit.value));
};
/** Computes some inputs again, in place of what is stored. */
const replace = async (inputs: readonly number[], value: string): Promise<void> => {
  await Promise.all(inputs.map((n) => one.call(task, n, value, Date.now() + 1_000)));
};

describe('keys that are settled', () => {
  test('are found after every slice, by whoever stored them and by others', async () => {
    await Promise.all(INPUTS.map((n) => one.call(task, n, n)));
    expect(await values(other)).toEqual(INPUTS);
    let slices = 1;
    while (await database.write(settleSlice)) {
      slices += 1;
      expect(await values(one)).toEqual(INPUTS);
      expect(await values(other)).toEqual(INPUTS);
      expect(await values(await site.process())).toEqual(INPUTS);
    }
    expect(slices).toBe(16);
    expect(await values(one)).toEqual(INPUTS);
    expect(await values(other)).toEqual(INPUTS);
    expect([await count('hf_memo_index'), await count('hf_memo_recent'), await count('hf_memo_settle')]).toEqual([
      200, 0, 0,
    ]);
  });

  test('take the newest of several results, and the others are removed', async () => {
    await Promise.all(INPUTS.map((n) => one.call(task, n, 'old')));
    await settleAll(database);
    await replace(INPUTS.slice(0, 100), 'newer');
    await replace(INPUTS.slice(0, 50), 'newest');
    const expected = INPUTS.map((n) => (n < 50 ? 'newest' : n < 100 ? 'newer' : 'old'));
    expect(await values(one)).toEqual(expected);
    expect(await values(other)).toEqual(expected);
    expect(await count('hf_memo')).toBe(350);
    await settleAll(database);
    expect(await values(one)).toEqual(expected);
    expect(await values(other)).toEqual(expected);
    expect([await count('hf_memo'), await count('hf_memo_index')]).toEqual([200, 200]);
  });

  test('do not come before what is stored while others settle', async () => {
    await Promise.all(INPUTS.map((n) => one.call(task, n, 'old')));
    for (let slice = 0; slice < 8; slice++) await database.write(settleSlice);
    await replace(INPUTS, 'new');
    await settleAll(database);
    expect(new Set(await values(one))).toEqual(new Set(['new']));
    expect(new Set(await values(other))).toEqual(new Set(['new']));
    expect([await count('hf_memo'), await count('hf_memo_recent')]).toEqual([200, 0]);
  });

  test('are settled by several at once as by one', async () => {
    await Promise.all(INPUTS.map((n) => one.call(task, n, n)));
    await Promise.all([settleAll(database), settleAll(await site.database()), replace([1, 2, 3], 'new')]);
    await settleAll(database);
    expect((await values(other)).slice(0, 5)).toEqual([0, 'new', 'new', 'new', 4]);
    expect([await count('hf_memo'), await count('hf_memo_index')]).toEqual([200, 200]);
  });

  test.each([
    ['not settled', async () => {}],
    ['settled', () => settleAll(database)],
    [
      'settled, and others stored after it',
      async () => {
        await settleAll(database);
        await other.call(task, 'another', 1);
      },
    ],
  ])(
    'that were looked for in vain are found by the claim when they were stored since: %s (invariant 8)',
    async (_, then) => {
      await other.call(task, 'before', 1);
      expect(await values(one)).toEqual(INPUTS.map(() => 'miss'));
      await Promise.all(INPUTS.slice(0, 100).map((n) => other.call(task, n, n)));
      await then();
      const answers = await Promise.all(INPUTS.map((n) => one.claim(task, n)));
      expect(answers.map((answer) => answer.kind)).toEqual(INPUTS.map((n) => (n < 100 ? 'hit' : 'mine')));
    },
  );
});
