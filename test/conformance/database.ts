import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Database } from '../../database/database.ts';
import { migrate } from '../../database/migrate.ts';

/** Where the databases of one test live. */
export interface DatabaseHome {
  /** Another user of the same database. */
  open(): Promise<Database>;
  /** Removes it. */
  remove(): Promise<void>;
}

/** What every database behind the port must hold. A dialect is one call of this. */
export function describeDatabase(dialect: string, makeHome: () => Promise<DatabaseHome>): void {
  describe(`a ${dialect} database`, () => {
    let home: DatabaseHome;
    let database: Database;

    beforeEach(async () => {
      home = await makeHome();
      database = await home.open();
      await database.write((tx) => tx.run('CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL)'));
    });

    afterEach(async () => {
      await database.close();
      await home.remove();
    });

    const names = (from: Database = database): Promise<unknown[]> =>
      from.read(async (tx) => (await tx.all('SELECT name FROM t ORDER BY id')).map(({ name }) => name));

    test('commits what its work did, and returns what it returned', async () => {
      const result = await database.write(async (tx) => {
        expect(await tx.run('INSERT INTO t VALUES (?, ?)', [1, 'a'])).toBe(1);
        expect(
          await tx.runMany('INSERT INTO t VALUES (?, ?)', [
            [2, 'b'],
            [3, 'c'],
          ]),
        ).toBe(2);
        expect(await tx.all('SELECT id, name FROM t WHERE id > ?', [2])).toEqual([{ id: 3, name: 'c' }]);
        return 'done';
      });
      expect(result).toBe('done');
      expect(await names()).toEqual(['a', 'b', 'c']);
    });

    test('rolls everything back when its work throws, and throws that', async () => {
      const mine = new Error('mine');
      const failing = database.write(async (tx) => {
        await tx.run('INSERT INTO t VALUES (?, ?)', [1, 'a']);
        throw mine;
      });
      await expect(failing).rejects.toBe(mine);
      expect(await names()).toEqual([]);
    });

    test('lets one writer in at a time, in order, also over several users of it', async () => {
      const other = await home.open();
      const add = (to: Database, name: string): Promise<void> =>
        to.write(async (tx) => {
          const [row] = await tx.all<{ n: number }>('SELECT count(*) AS n FROM t');
          await new Promise((resolve) => setImmediate(resolve));
          await tx.run('INSERT INTO t VALUES (?, ?)', [Number(row?.n) + 1, name]);
        });
      await Promise.all(['a', 'b', 'c', 'd'].map((name, i) => add(i % 2 === 0 ? database : other, name)));
      expect(await names(other)).toEqual(['a', 'b', 'c', 'd']);
      await other.close();
    });

    test('reads without waiting for a writer whose work awaits, and sees only what was committed', async () => {
      let goOn = (): void => {};
      const waiting = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      const writing = database.write(async (tx) => {
        await tx.run('INSERT INTO t VALUES (?, ?)', [1, 'a']);
        await waiting;
      });
      expect(await names()).toEqual([]);
      goOn();
      await writing;
      expect(await names()).toEqual(['a']);
    });

    test('a read is a snapshot: a commit during it does not show', async () => {
      await database.read(async (tx) => {
        const before = await tx.all('SELECT count(*) AS n FROM t');
        await database.write((inner) => inner.run('INSERT INTO t VALUES (?, ?)', [1, 'a']));
        expect(await tx.all('SELECT count(*) AS n FROM t')).toEqual(before);
      });
      expect(await names()).toEqual(['a']);
    });

    test('refuses to write in a read', async () => {
      const writing = database.read((tx) => tx.run('INSERT INTO t VALUES (?, ?)', [1, 'a']));
      await expect(writing).rejects.toMatchObject({ code: 'HF_DATABASE_READONLY' });
    });

    test('a transaction is dead once its work has settled', async () => {
      const left = await database.write(async (tx) => ({ tx }));
      await expect(left.tx.run('INSERT INTO t VALUES (?, ?)', [1, 'a'])).rejects.toMatchObject({
        code: 'HF_TX_CLOSED',
      });
      expect(await names()).toEqual([]);
    });

    test('work that ends the transaction itself is an error, and nothing of it runs alone after that', async () => {
      const ending = database.write(async (tx) => {
        await tx.run('INSERT INTO t VALUES (?, ?)', [1, 'a']);
        await tx.run('ROLLBACK').catch(() => {});
        await tx.run('INSERT INTO t VALUES (?, ?)', [2, 'b']);
      });
      await expect(ending).rejects.toMatchObject({ code: 'HF_TX_ENDED_INSIDE' });
      expect(await names()).toEqual([]);
    });

    test('tells errors of the data from others', async () => {
      const failing = (sql: string, params: string[] = []): Promise<unknown> =>
        database
          .write((tx) => tx.run(sql, params))
          .then(
            () => 'no error',
            (error: unknown) => error,
          );
      await database.write((tx) => tx.run("INSERT INTO t VALUES (1, 'a')"));
      expect(database.isDataError(await failing("INSERT INTO t VALUES (2, 'a')"))).toBe(true);
      expect(database.isDataError(await failing('INSERT INTO t VALUES (3, NULL)'))).toBe(true);
      expect(database.isDataError(await failing("INSERT INTO t VALUES ('x', 'b')"))).toBe(true);
      expect(database.isDataError(await failing('INSERT INTO missing VALUES (1)'))).toBe(false);
      expect(database.isDataError(await failing('COMMIT'))).toBe(false);
      expect(database.isDataError(new Error('other'))).toBe(false);
    });

    test('gives back integers beyond 2^53 exactly, and others as numbers', async () => {
      const big = 2n ** 62n + 1n;
      const rows = await database.write(async (tx) => {
        await tx.run('CREATE TABLE n (a BIGINT)');
        await tx.runMany('INSERT INTO n VALUES (?)', [[big], [7]]);
        return [await tx.all('SELECT a FROM n ORDER BY a'), await tx.all('UPDATE n SET a = a - 1 RETURNING a')].flat();
      });
      expect(rows).toEqual([{ a: 7 }, { a: big }, { a: big - 1n }, { a: 6 }]);
    });

    test('stays open for its other users when one closes it', async () => {
      const other = await home.open();
      await other.close();
      await expect(other.read(async () => 1)).rejects.toMatchObject({ code: 'HF_DATABASE_CLOSED' });
      expect(await names()).toEqual([]);
    });

    test('migrations run once each, though many start at once, and go on where they were', async () => {
      const first = { id: 1, name: 'first', sql: 'CREATE TABLE m (a INTEGER); INSERT INTO m VALUES (1);' };
      const second = { id: 2, name: 'second', sql: 'INSERT INTO m VALUES (2);' };
      const other = await home.open();
      const start = (each: Database): Promise<void> => migrate(each, { component: 'part', migrations: [first] });
      await Promise.all([start(database), start(other), start(database)]);
      await migrate(database, { component: 'part', migrations: [first, second] });
      expect(await database.read((tx) => tx.all('SELECT a FROM m ORDER BY a'))).toEqual([{ a: 1 }, { a: 2 }]);
      await other.close();
    });

    test('a migration that fails leaves nothing of itself', async () => {
      const broken = { id: 1, name: 'broken', sql: 'CREATE TABLE m (a INTEGER); INSERT INTO missing VALUES (1);' };
      await expect(migrate(database, { component: 'part', migrations: [broken] })).rejects.toThrow('missing');
      await expect(database.read((tx) => tx.all('SELECT a FROM m'))).rejects.toThrow('m');
    });

    test('a schema of a newer version is refused, with the database, what it has and what is known', async () => {
      const steps = [1, 2].map((id) => ({ id, name: `step-${id}`, sql: `CREATE TABLE m${id} (a INTEGER);` }));
      await migrate(database, { component: 'part', migrations: steps });
      const older = migrate(database, { component: 'part', migrations: steps.slice(0, 1) });
      await expect(older).rejects.toMatchObject({
        code: 'HF_SCHEMA_NEWER',
        fields: { database: database.url, found: 2, known: 1 },
      });
      await migrate(database, { component: 'other part', migrations: [] });
    });
  });
}
