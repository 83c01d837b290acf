import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { RetryAfter } from '../../../definitions/retry.ts';
import { type AnyTask, defineTask } from '../../../definitions/task.ts';
import type { Tx } from '../../../definitions/tx.ts';
import { RecordedTransactions } from '../../../sinks/recorded-transactions.ts';
// A task that is called outside any worker finds its transactions through the package.
import '../../../index.ts';

const DAY_MS = 86_400_000;
let directory: string;
let now: number;
let transactions: RecordedTransactions;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hf-effects-'));
  now = 1_000 * DAY_MS;
  transactions = new RecordedTransactions({ directory, now: () => now });
});

afterEach(async () => {
  await transactions.close();
  rmSync(directory, { recursive: true, force: true });
});

const URL = 'sqlite:shop.db';

async function add(tx: Tx): Promise<number> {
  await tx.run('CREATE TABLE IF NOT EXISTS sold (id INTEGER PRIMARY KEY)');
  await tx.run('INSERT INTO sold DEFAULT VALUES');
  const [row] = await tx.all<{ n: number }>('SELECT count(*) AS n FROM sold');
  return row?.n ?? 0;
}

function query<Row>(sql: string): Row[] {
  const database = new DatabaseSync(join(directory, 'shop.db'), { readOnly: true });
  try {
    return database.prepare(sql).all() as Row[];
  } finally {
    database.close();
  }
}

describe('a recorded transaction', () => {
  test('is made once a place, and later tries get what it returned', async () => {
    const run = (scope: string, number: number) => transactions.run(URL, { scope, number }, add);
    expect([await run('a', 1), await run('a', 1), await run('a', 2), await run('b', 1), await run('a', 1)]).toEqual([
      1, 1, 2, 3, 1,
    ]);
  });

  test('of two tries at once one is made', async () => {
    const run = () => transactions.run(URL, { scope: 'a', number: 1 }, add);
    expect(await Promise.all([run(), run(), run()])).toEqual([1, 1, 1]);
  });

  test('leaves nothing where it fails, and throws what the callback threw', async () => {
    const failing = transactions.run(URL, { scope: 'a', number: 1 }, async (tx) => {
      await add(tx);
      throw new RetryAfter('5s');
    });
    await expect(failing).rejects.toThrow(RetryAfter);
    expect(query("SELECT name FROM sqlite_schema WHERE name = 'sold'")).toEqual([]);
    expect(await transactions.run(URL, { scope: 'a', number: 1 }, add)).toBe(1);
  });

  test('is not made where its result cannot be recorded', async () => {
    const failing = transactions.run(URL, { scope: 'a', number: 1 }, async (tx) => {
      await add(tx);
      return () => 1;
    });
    await expect(failing).rejects.toMatchObject({ code: 'HF_RESULT_NOT_STORABLE' });
    expect(query('SELECT * FROM hf_task_effect')).toEqual([]);
  });

  test('records are kept for thirty days', async () => {
    await transactions.run(URL, { scope: 'old', number: 1 }, add);
    now += 29 * DAY_MS;
    await transactions.run(URL, { scope: 'new', number: 1 }, add);
    expect(query('SELECT scope FROM hf_task_effect ORDER BY at')).toEqual([{ scope: 'old' }, { scope: 'new' }]);
    now += 2 * DAY_MS;
    await transactions.run(URL, { scope: 'newest', number: 1 }, add);
    expect(query('SELECT scope FROM hf_task_effect ORDER BY at')).toEqual([{ scope: 'new' }, { scope: 'newest' }]);
  });
});

describe('ctx.transaction of a task that is called outside any worker', () => {
  const url = () => `sqlite:${join(directory, 'shop.db')}`;

  test('is an ordinary transaction', async () => {
    const sell = defineTask({ name: 'sell', run: (_: null, ctx) => ctx.transaction(url(), add) });
    expect([await sell(null), await sell(null)]).toEqual([1, 2]);
  });

  test('is refused where the task is memoized, as it would be in a worker', async () => {
    const sell: AnyTask = defineTask({ name: 'sell', run: (_: null, ctx) => ctx.transaction(url(), add), memoize: {} });
    await expect((sell as unknown as () => Promise<unknown>)()).rejects.toMatchObject({
      code: 'HF_TRANSACTION_MEMOIZED',
      fields: { task: 'sell' },
    });
  });
});
