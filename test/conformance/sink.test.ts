import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '../../database/open-database.ts';
import { sqlTable } from '../../sinks/sql-table.ts';
import { sqlTransaction } from '../../sinks/sql-transaction.ts';
import { describeSink, type Item, type Result, type SinkHome } from './sink.ts';

async function makeSqliteHome(): Promise<SinkHome> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-sink-'));
  const url = 'sqlite:test.db';
  return { url, open: () => openDatabase(url, { directory }), remove: () => rm(directory, { recursive: true }) };
}

for (const mode of ['upsert', 'insert'] as const) {
  describeSink(`sqlTable (${mode}) on SQLite`, makeSqliteHome, {
    make: (url) =>
      sqlTable({ url, table: 'target', key: 'id', mode, row: ({ id }: Item, value: Result) => ({ id, value }) }),
  });
}

describeSink('sqlTransaction on SQLite', makeSqliteHome, {
  make: (url) =>
    sqlTransaction<Item, Result>(url, async (tx, outcomes) => {
      for (const { item, result } of outcomes)
        await tx.run('INSERT INTO target (id, value) VALUES (?, ?)', [item.id, result]);
    }),
});
