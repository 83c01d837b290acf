import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Database } from '../../../database/database.ts';
import { openDatabase } from '../../../database/open-database.ts';
import type { Outcome } from '../../../definitions/sink.ts';
import type { Tx } from '../../../definitions/tx.ts';
import type { TransactionalSinkPort } from '../../../sinks/sink.ts';
import { type SqlTransactionOptions, sqlTransaction } from '../../../sinks/sql-transaction.ts';

type Write = (tx: Tx, outcomes: readonly Outcome<number, string>[]) => void | PromiseLike<void>;

let directory: string;
let database: Database;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-transaction-'));
  database = await openDatabase('sqlite:a.db', { directory });
  await database.write((tx) => tx.runScript('CREATE TABLE t (id INTEGER PRIMARY KEY, a); CREATE TABLE ledger (a)'));
});

afterEach(async () => {
  await database.close();
  await rm(directory, { recursive: true });
});

/** Commits outcomes as the ledger does: its record first, then what the callback does. */
async function commit(write: Write, options?: SqlTransactionOptions): Promise<void> {
  const sink = sqlTransaction<number, string>('sqlite:a.db', write, options) as TransactionalSinkPort<number, string>;
  const session = await sink.open(database);
  const batch = [1, 2].map((item) => {
    const outcome = { item, key: `item-${item}`, result: `result ${item}` };
    return { outcome, rows: session.prepare(outcome) };
  });
  await database.write(async (tx) => {
    await tx.run('INSERT INTO ledger VALUES (1)');
    await session.write(tx, batch);
  });
}

const all = (sql: string): Promise<object[]> => database.read((tx) => tx.all(sql));
const insert = 'INSERT INTO t VALUES (?, ?)';

/** Commits, expects that it throws and that nothing of it is left, and gives back the error. */
async function expectRefused(write: Write, code: string, options?: SqlTransactionOptions): Promise<Error> {
  const error = await commit(write, options).then(
    () => 'no error',
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ code });
  expect(await all('SELECT a FROM t UNION ALL SELECT a FROM ledger')).toEqual([]);
  return error as Error;
}

test('everything done through tx commits together with the ledger', async () => {
  await commit(async (tx, outcomes) => {
    for (const { item, key, result } of outcomes) expect(await tx.run(insert, [item, `${key} ${result}`])).toBe(1);
    expect(await tx.all('SELECT count(*) AS n FROM t')).toEqual([{ n: 2 }]);
  });
  expect(await all('SELECT a FROM t')).toEqual([{ a: 'item-1 result 1' }, { a: 'item-2 result 2' }]);
  expect(await all('SELECT a FROM ledger')).toHaveLength(1);
});

test('a callback may do nothing, be synchronous, and run operations side by side', async () => {
  await commit(() => {});
  await commit(async (tx) => void (await Promise.all([tx.run(insert, [1, 'a']), tx.run(insert, [2, 'b'])])));
  await commit((tx) => tx.run(insert, [3, 'c']).then(() => {}));
  expect(await all('SELECT a FROM t')).toEqual([{ a: 'a' }, { a: 'b' }, { a: 'c' }]);
});

test('values come back as documented: dates as text, booleans as numbers, big integers as bigints, bytes as bytes', async () => {
  const values = [new Date(0), true, 5, 2n ** 62n, new Uint8Array([7]), null, 1.5];
  await commit(async (tx) => {
    await tx.run('CREATE TABLE v (a TEXT, b, c TEXT, d, e, f, g)');
    await tx.run('INSERT INTO v VALUES (?, ?, ?, ?, ?, ?, ?)', values);
    expect(await tx.all('SELECT * FROM v')).toEqual([
      { a: '1970-01-01T00:00:00.000Z', b: 1, c: '5', d: 2n ** 62n, e: expect.any(Uint8Array), f: null, g: 1.5 },
    ]);
  });
});

describe('a callback that goes wrong', () => {
  test('by catching the error of a statement writes nothing, and the statement is said', async () => {
    const error = await expectRefused(async (tx) => {
      await tx.run(insert, [1, 'a']);
      await tx.run(insert, [1, 'b']).catch(() => {});
    }, 'HF_TX_FAILED');
    expect(error.message).toMatch(/UNIQUE constraint failed/);
    // The item is at fault: narrowing down helps.
    expect(database.isDataError(error)).toBe(true);
  });

  test('by throwing something else about a failed statement says what failed first', async () => {
    const error = await expectRefused(async (tx) => {
      await tx.run('INSERT INTO missing VALUES (1)').catch(() => {
        throw new Error('it did not work');
      });
    }, 'HF_TX_FAILED');
    expect(error.message).toMatch(/no such table: missing/);
    expect(database.isDataError(error)).toBe(false);
  });

  test('by not awaiting an operation writes nothing, whether it went well or not', async () => {
    const error = await expectRefused(async (tx) => {
      await tx.run(insert, [1, 'a']);
      void tx.run(insert, [2, 'b']);
    }, 'HF_TX_PENDING');
    expect(error.message).toMatch(/1 operation/);
    expect(database.isDataError(error)).toBe(false);
    await expectRefused(async (tx) => void tx.run('INSERT INTO missing VALUES (1)'), 'HF_TX_PENDING');
    await expectRefused((tx) => {
      for (const id of [1, 2]) void tx.run(insert, [id, null]);
    }, 'HF_TX_PENDING');
  });

  test('by watching an operation without awaiting it still fails with it', async () => {
    await expectRefused(async (tx) => void tx.run('INSERT INTO missing VALUES (1)').catch(() => {}), 'HF_TX_FAILED');
  });

  test.each([
    'COMMIT',
    'rollback',
    '  BEGIN',
    '-- a comment\n END',
    '/* COMMENT */ commit;',
    'SAVEPOINT a',
    'RELEASE a',
    "ATTACH 'x' AS x",
    'DETACH x',
    'VACUUM',
    'PRAGMA synchronous = OFF',
    '; ROLLBACK',
    'END TRANSACTION',
  ])('by ending or changing the transaction itself (%j) is refused', async (sql) => {
    await expectRefused(async (tx) => void (await tx.run(sql)), 'HF_TX_REFUSED');
    await expectRefused(async (tx) => void (await tx.all(sql)), 'HF_TX_REFUSED');
    await expectRefused(async (tx) => void (await tx.run(sql).catch(() => {})), 'HF_TX_FAILED');
  });

  test('by a statement that rolls back (INSERT OR ROLLBACK) writes nothing, also when it goes on after that', async () => {
    await expectRefused(async (tx) => {
      await tx.run(insert, [1, 'a']);
      await tx.run('INSERT OR ROLLBACK INTO t VALUES (1, 2)').catch(() => {});
      await tx.run(insert, [3, 'c']).catch(() => {});
    }, 'HF_TX_FAILED');
  });

  test('by never settling is ended after the time limit, and what it does later does nothing', async () => {
    let goOn = (): void => {};
    const forever = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    let late: Promise<unknown> = Promise.resolve();
    const hanging = async (tx: Tx): Promise<void> => {
      await tx.run(insert, [1, 'a']);
      await forever;
      late = tx.run(insert, [2, 'b']);
      await late;
    };
    const error = await expectRefused(hanging, 'HF_TX_TIMEOUT', { transactionTimeout: '50ms' });
    expect(error.message).toMatch(/transactionTimeout \(50 ms\)/);
    goOn();
    await new Promise((resolve) => setImmediate(resolve));
    await expect(late).rejects.toMatchObject({ code: 'HF_TX_CLOSED' });
    expect(await all('SELECT a FROM t')).toEqual([]);
  });

  test('by keeping tx finds it dead', async () => {
    let kept: Tx | undefined;
    await commit(async (tx) => {
      kept = tx;
    });
    await expect(kept?.run(insert, [1, 'a'])).rejects.toMatchObject({ code: 'HF_TX_CLOSED' });
  });

  test('by throwing an error of its own is narrowed down to the item', async () => {
    const error = await expectRefused(() => {
      throw new TypeError('no town');
    }, 'HF_TX_CALLBACK');
    expect(error.message).toMatch(/no town/);
    expect(database.isDataError(error)).toBe(true);
    await expectRefused(() => Promise.reject('a string'), 'HF_TX_CALLBACK');
  });
});

describe('a statement', () => {
  const refused = (sql: string, params?: readonly unknown[]): Promise<Error> =>
    expectRefused(async (tx) => void (await tx.run(sql, params)), 'HF_TX_STATEMENT');

  test('is one: several in one text are refused, for drivers would run only the first', async () => {
    expect((await refused("INSERT INTO t VALUES (1, 'a'); DELETE FROM t")).message).toMatch(/several statements/);
    await refused('');
    await refused('-- nothing');
    await commit(async (tx) => void (await tx.run("INSERT INTO t VALUES (1, 'a; b -- c'); -- and a comment;")));
    expect(await all('SELECT a FROM t')).toEqual([{ a: 'a; b -- c' }]);
  });

  test('does not write what is reserved for Holdfast, and may read it', async () => {
    await refused('DELETE FROM hf_chunk');
    await refused('WITH x AS (SELECT 1) UPDATE "HF_job" SET state = 1');
    await database.write((tx) => tx.run('CREATE TABLE hf_chunk (a)'));
    await commit(async (tx) => void (await tx.all("SELECT 'DELETE' FROM hf_chunk")));
  });

  test('may be a trigger, which has statements inside', async () => {
    await commit(async (tx) => void (await tx.run('CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; SELECT 2; END')));
  });

  test('has as many values as parameters: SQLite would take a missing one for NULL', async () => {
    expect((await refused(insert, [1])).message).toMatch(/it has 2 parameters, and 1 values were given/);
    await refused(insert, [1, 2, 3]);
    await refused(insert, { 1: 1 } as never);
    await commit(async (tx) => void (await tx.run("INSERT INTO t VALUES (?, 'really?')", [1])));
  });

  test('has its parameters by position', async () => {
    expect((await refused('INSERT INTO t VALUES (:id, 1)', [1])).message).toMatch(/write \? for each parameter/);
    await refused('INSERT INTO t VALUES (?1, ?1)', [1]);
  });

  test.each<[string, unknown]>([
    ['undefined', undefined],
    ['NaN', Number.NaN],
    ['an object', {}],
    ['a bigint beyond 64 bits', -(2n ** 64n)],
  ])('with the value %s is refused with its position, as an error of the item', async (_, value) => {
    const error = await expectRefused(async (tx) => void (await tx.run(insert, [1, value])), 'HF_TX_VALUE');
    expect(error.message).toMatch(/Parameter 2 of INSERT INTO t VALUES/);
    expect(database.isDataError(error)).toBe(true);
  });
});

test('a wrong definition is refused when it is made', () => {
  const wrong = { code: 'HF_DEFINITION_INVALID' };
  expect(() => sqlTransaction('', () => {})).toThrow(expect.objectContaining(wrong));
  expect(() => sqlTransaction('sqlite:a.db', undefined as never)).toThrow(expect.objectContaining(wrong));
  expect(() => sqlTransaction('sqlite:a.db', () => {}, { timeout: '1s' } as never)).toThrow(
    expect.objectContaining(wrong),
  );
  expect(() => sqlTransaction('sqlite:a.db', () => {}, { transactionTimeout: '5' as never })).toThrow(
    expect.objectContaining({ code: 'HF_DURATION_INVALID' }),
  );
});
