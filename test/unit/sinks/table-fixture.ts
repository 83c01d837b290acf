import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from '@jest/globals';
import type { Database } from '../../../database/database.ts';
import { openDatabase } from '../../../database/open-database.ts';
import type { Prepared, SinkSession, TransactionalSinkPort } from '../../../sinks/sink.ts';
import { type SqlTableOptions, sqlTable } from '../../../sinks/sql-table.ts';

export type Row = Record<string, unknown>;
/** Items are the rows themselves. */
export type Rows = Row | readonly Row[] | null;
export type Session = SinkSession<Rows, null>;

let directory: string;
export let database: Database;

/** A new database before each test of a file. */
export function useDatabase(): void {
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'holdfast-table-'));
    database = await openDatabase('sqlite:a.db', { directory });
  });

  afterEach(async () => {
    await database.close();
    await rm(directory, { recursive: true });
  });
}

export const make = (options: Partial<SqlTableOptions<Rows, null, Row>> = {}): TransactionalSinkPort<Rows, null> =>
  sqlTable<Rows, null, Row>({
    url: 'sqlite:a.db',
    table: 't',
    key: 'id',
    row: (rows) => rows,
    ...options,
  }) as TransactionalSinkPort<Rows, null>;
export const open = (options?: Partial<SqlTableOptions<Rows, null, Row>>): Promise<Session> =>
  make(options).open(database);
export const prepare = (session: Session, items: readonly Rows[]): Prepared<Rows, null>[] =>
  items.map((item, i) => {
    const outcome = { item, key: `item-${i}`, result: null };
    return { outcome, rows: session.prepare(outcome) };
  });
export const write = (session: Session, ...items: readonly Rows[]): Promise<void> => {
  const batch = prepare(session, items);
  return database.write((tx) => session.write(tx, batch));
};
export const all = (sql: string): Promise<object[]> => database.read((tx) => tx.all(sql));
export const script = (sql: string): Promise<void> => database.write((tx) => tx.runScript(sql));
export const withCode = (code: string, message?: RegExp): object => ({
  code,
  ...(message && { message: expect.stringMatching(message) }),
});
