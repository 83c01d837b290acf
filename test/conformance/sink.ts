import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Database, Transaction } from '../../database/database.ts';
import type { Outcome, Sink } from '../../definitions/sink.ts';
import type { Prepared, SinkSession, TransactionalSinkPort } from '../../sinks/sink.ts';

export interface Item {
  readonly id: number;
}
/** What the sink writes to column `value`; null is one that the table refuses. */
export type Result = string | null;

export interface SinkHome {
  readonly url: string;
  open(): Promise<Database>;
  remove(): Promise<void>;
}

export interface SinkUnderTest {
  /** Writes `id` and `value` into the table `target (id PRIMARY KEY, value NOT NULL)`, which is there. */
  make(url: string): Sink<Item, Result>;
}

/** What every sink that commits with the ledger must hold. A sink is one call of this. */
export function describeSink(title: string, makeHome: () => Promise<SinkHome>, { make }: SinkUnderTest): void {
  describe(title, () => {
    let home: SinkHome;
    let database: Database;
    let sink: TransactionalSinkPort<Item, Result>;
    let session: SinkSession<Item, Result>;

    beforeEach(async () => {
      home = await makeHome();
      database = await home.open();
      await database.write((tx) =>
        tx.runScript('CREATE TABLE target (id INTEGER PRIMARY KEY, value TEXT NOT NULL); CREATE TABLE record (a TEXT)'),
      );
      sink = make(home.url) as TransactionalSinkPort<Item, Result>;
      session = await sink.open(database);
    });

    afterEach(async () => {
      await database.close();
      await home.remove();
    });

    const outcome = (id: number, result: Result = `value ${id}`): Outcome<Item, Result> => ({
      item: { id },
      key: `key-${id}`,
      result,
    });
    const prepare = (outcomes: readonly Outcome<Item, Result>[]): Prepared<Item, Result>[] =>
      outcomes.map((each) => ({ outcome: each, rows: session.prepare(each) }));
    const written = (): Promise<object[]> => database.read((tx) => tx.all('SELECT id, value FROM target ORDER BY id'));
    /** A commit as the ledger makes it: its record and the effects. */
    const commit = (
      batch: readonly Prepared<Item, Result>[],
      after?: (tx: Transaction) => Promise<void>,
    ): Promise<void> =>
      database.write(async (tx) => {
        await tx.run("INSERT INTO record VALUES ('commit')");
        await session.write(tx, batch);
        await after?.(tx);
      });

    test('writes what the outcomes say, in one transaction with the record of it', async () => {
      await commit(prepare([outcome(1), outcome(2)]));
      await commit(prepare([outcome(3)]));
      expect(await written()).toEqual([1, 2, 3].map((id) => ({ id, value: `value ${id}` })));
    });

    test('writes nothing when its transaction is rolled back, and can be written again', async () => {
      const batch = prepare([outcome(1), outcome(2)]);
      const failing = commit(batch, async () => {
        throw new Error('lost');
      });
      await expect(failing).rejects.toThrow('lost');
      expect(await written()).toEqual([]);
      await commit(batch);
      expect(await written()).toHaveLength(2);
    });

    test('an empty batch is written without an error', async () => {
      await commit([]);
      expect(await written()).toEqual([]);
    });

    test('an outcome that the table refuses is a data error, and halves of the batch find it', async () => {
      const refused: string[] = [];
      const narrow = async (batch: readonly Prepared<Item, Result>[]): Promise<void> => {
        try {
          await commit(batch);
        } catch (error) {
          expect(database.isDataError(error)).toBe(true);
          const [first, ...others] = batch;
          if (others.length === 0) refused.push(String(first?.outcome.key));
          else
            for (const half of [batch.slice(0, batch.length >> 1), batch.slice(batch.length >> 1)]) await narrow(half);
        }
      };
      await narrow(prepare([outcome(1), outcome(2), outcome(3, null), outcome(4), outcome(5, null)]));
      expect(refused).toEqual(['key-3', 'key-5']);
      expect(await written()).toEqual([1, 2, 4].map((id) => ({ id, value: `value ${id}` })));
      expect(await database.read((tx) => tx.all('SELECT count(*) AS n FROM record'))).toEqual([
        { n: expect.any(Number) },
      ]);
    });

    test('says which sink it is: the same for the same place, another for another database', () => {
      expect(make(home.url)).toMatchObject({ identity: sink.identity, title: sink.title, url: home.url });
      expect(make('sqlite:elsewhere.db')).not.toMatchObject({ identity: sink.identity });
      expect(() => JSON.parse(sink.identity)).not.toThrow();
    });
  });
}
