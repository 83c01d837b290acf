import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Database } from '../../../database/database.ts';
import { loadMigrations } from '../../../database/migrate.ts';
import { type OpenSqliteOptions, openSqlite } from '../../../database/sqlite.ts';

const run = promisify(execFile);
const programs = join(import.meta.dirname, 'programs');

let directory: string;
let path: string;
const opened: Database[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-sqlite-'));
  path = join(directory, 'a.db');
});

afterEach(async () => {
  for (const database of opened.splice(0)) await database.close();
  rmSync(directory, { recursive: true });
});

async function open(options: Partial<OpenSqliteOptions> = {}): Promise<Database> {
  const database = await openSqlite({ path, ...options });
  opened.push(database);
  return database;
}

/** What a user's own program leaves: a table with a row, in rollback mode. */
function makeUsersFile(): void {
  const database = new DatabaseSync(path);
  database.exec('CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1)');
  database.close();
}

const pragma = async (database: Database, name: string): Promise<unknown> =>
  database.write(async (tx) => (await tx.all<Record<string, unknown>>(`PRAGMA ${name}`))[0]?.[name]);
const count = (tx: { all: (sql: string) => Promise<object[]> }): Promise<object[]> => tx.all('SELECT a FROM t');

describe('opening', () => {
  test('a new file puts it in WAL mode with full sync', async () => {
    const database = await open();
    expect(await pragma(database, 'journal_mode')).toBe('wal');
    expect(await pragma(database, 'synchronous')).toBe(2);
  });

  test("a user's file keeps its journal mode, and commits with extra sync where that is a rollback journal", async () => {
    makeUsersFile();
    const database = await open();
    expect(await pragma(database, 'journal_mode')).toBe('delete');
    expect(await pragma(database, 'synchronous')).toBe(3);
    expect(await database.read(count)).toEqual([{ a: 1 }]);
    await database.write((tx) => tx.run('INSERT INTO t VALUES (2)'));
    await expect(database.read((tx) => tx.run('INSERT INTO t VALUES (3)'))).rejects.toMatchObject({
      code: 'HF_DATABASE_READONLY',
    });
    await database.write((tx) => tx.run('INSERT INTO t VALUES (3)'));
    expect(await database.read(count)).toHaveLength(3);
  });

  test('a file by two names is one database: its writers wait for each other', async () => {
    makeUsersFile();
    symlinkSync(path, join(directory, 'b.db'));
    const databases = [await open(), await open({ path: join(directory, 'b.db') })];
    expect(databases[1]?.url).toBe(databases[0]?.url);
    const add = (database: Database): Promise<number> =>
      database.write(async (tx) => {
        const [row] = await tx.all<{ n: number }>('SELECT max(a) AS n FROM t');
        await new Promise((resolve) => setImmediate(resolve));
        return tx.run('INSERT INTO t VALUES (?)', [Number(row?.n) + 1]);
      });
    await Promise.all(databases.concat(databases).map(add));
    expect(await databases[0]?.read(count)).toHaveLength(5);
  });

  test('a missing file without create, a missing directory or a directory says which', async () => {
    const expectUnreadable = (options: Partial<OpenSqliteOptions>, message: RegExp): Promise<void> =>
      expect(open(options)).rejects.toMatchObject({
        code: 'HF_DATABASE_UNREADABLE',
        message: expect.stringMatching(message),
      });
    await expectUnreadable({ create: false }, /a\.db cannot be opened: there is no such file/);
    await expectUnreadable({ readOnly: true }, /there is no such file/);
    await expectUnreadable({ path: join(directory, 'none', 'a.db') }, /there is no directory .*none/);
    await expectUnreadable({ path: directory }, /it is a directory/);
  });

  test('a file that is no database names it', async () => {
    writeFileSync(
      path,
      'id,name\n1,someone who gave the wrong file, which is a little longer than a header\n'.repeat(20),
    );
    await expect(open()).rejects.toMatchObject({
      code: 'HF_DATABASE_NOT',
      exitCode: 2,
      message: expect.stringContaining(path),
    });
  });

  test('a damaged file says so when what is damaged is read', async () => {
    makeUsersFile();
    const file = new DatabaseSync(path);
    file.exec(
      'WITH RECURSIVE n (a) AS (VALUES (1) UNION ALL SELECT a + 1 FROM n WHERE a < 5000) INSERT INTO t SELECT a FROM n',
    );
    file.close();
    const fd = openSync(path, 'r+');
    for (let page = 1; page < 5; page++) writeSync(fd, Buffer.alloc(4096, 0xff), 0, 4096, 4096 * page);
    closeSync(fd);
    const database = await open();
    await expect(database.read(count)).rejects.toMatchObject({ code: 'HF_DATABASE_CORRUPT' });
  });

  test('fails once, not for good: the file can be opened when what was wrong is mended', async () => {
    await expect(open({ create: false })).rejects.toMatchObject({ code: 'HF_DATABASE_UNREADABLE' });
    await open();
    await open({ create: false });
  });

  const isRoot = process.getuid?.() === 0;
  (isRoot ? test : test.skip)(
    'a file or a directory without the right to write is read-only, and can be read',
    async () => {
      makeUsersFile();
      chmodSync(tmpdir(), statSync(tmpdir()).mode | 0o011);
      chmodSync(path, 0o644);
      chmodSync(directory, 0o755);
      const asNobody = async (...args: string[]): Promise<unknown> => {
        const { stdout } = await run(process.execPath, [join(programs, 'open-file.ts'), path, ...args]);
        return JSON.parse(stdout);
      };
      expect(await asNobody()).toMatchObject({ code: 'HF_DATABASE_READONLY', message: expect.stringContaining(path) });
      expect(await asNobody('read')).toEqual({ rows: [{ a: 1 }] });
      rmSync(path);
      expect(await asNobody()).toMatchObject({ code: 'HF_DATABASE_READONLY' });
    },
  );
});

describe('a file that another program has locked', () => {
  test('is an error after the wait, which names it; and goes through when it is let go meanwhile', async () => {
    makeUsersFile();
    const database = await open({ lockWaitMs: 100 });
    const holder = spawn(process.execPath, [join(programs, 'hold-database.ts'), path], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    const error = { code: 'HF_DATABASE_LOCKED', retryable: true, message: expect.stringContaining(path) };
    await expect(database.write((tx) => tx.run('INSERT INTO t VALUES (2)'))).rejects.toMatchObject(error);
    await expect(database.read(count)).rejects.toMatchObject(error);
    await database.close();

    // Opening waits as well.
    const patient = open({ lockWaitMs: 50_000 });
    const writing = patient.then((each) => each.write((tx) => tx.run('INSERT INTO t VALUES (2)')));
    // The event loop is free meanwhile.
    await new Promise((resolve) => setTimeout(resolve, 30));
    const exited = once(holder, 'exit');
    holder.stdin.write('let go\n');
    await exited;
    expect(await writing).toBe(1);
  });

  test('a commit waits for a reader in rollback mode', async () => {
    makeUsersFile();
    const database = await open({ lockWaitMs: 50_000 });
    const reader = new DatabaseSync(path);
    reader.exec('BEGIN; SELECT * FROM t');
    const writing = database.write((tx) => tx.run('INSERT INTO t VALUES (2)'));
    setTimeout(() => reader.exec('COMMIT'), 60);
    expect(await writing).toBe(1);
    reader.close();
  });
});

describe('a file that is open', () => {
  test('and was replaced or removed is noticed by the next transaction', async () => {
    const database = await open();
    await database.write((tx) => tx.run('CREATE TABLE t (a INTEGER)'));
    renameSync(path, join(directory, 'old.db'));
    const moved = { code: 'HF_DATABASE_MOVED', message: expect.stringContaining(path) };
    expect(() => database.checkFile()).toThrow(expect.objectContaining(moved));
    await expect(database.write((tx) => tx.run('INSERT INTO t VALUES (1)'))).rejects.toMatchObject(moved);
    makeUsersFile();
    await expect(database.read(count)).rejects.toMatchObject(moved);
  });

  test('and was replaced is another database to who opens it now', async () => {
    const old = await open();
    await old.write((tx) => tx.run('CREATE TABLE t (a INTEGER)'));
    rmSync(path);
    for (const rest of ['-wal', '-shm']) rmSync(`${path}${rest}`, { force: true });
    makeUsersFile();
    const fresh = await open();
    expect(await fresh.read(count)).toEqual([{ a: 1 }]);
    expect(() => fresh.checkFile()).not.toThrow();
  });

  test('and cannot grow is full: nothing of the transaction is left, and it works again with room', async () => {
    const database = await open();
    await database.write((tx) => tx.run('CREATE TABLE t (a)'));
    await database.write((tx) => tx.all('PRAGMA max_page_count = 10'));
    const fill = (): Promise<number> => database.write((tx) => tx.run('INSERT INTO t VALUES (zeroblob(100000))'));
    await expect(fill()).rejects.toMatchObject({ code: 'HF_DATABASE_FULL', message: expect.stringContaining(path) });
    expect(await database.read(count)).toEqual([]);
    await database.write((tx) => tx.all('PRAGMA max_page_count = 1000'));
    expect(await fill()).toBe(1);
  });

  test('keeps what was committed when its process is killed right after', async () => {
    const program = `
      const { openDatabase } = await import(${JSON.stringify(join(import.meta.dirname, '../../../database/open-database.ts'))});
      const database = await openDatabase(${JSON.stringify(`sqlite:${path}`)}, { directory: '/' });
      await database.write((tx) => tx.runScript('CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1)'));
      process.kill(process.pid, 'SIGKILL');`;
    await expect(run(process.execPath, ['--input-type=module', '--eval', program])).rejects.toMatchObject({
      signal: 'SIGKILL',
    });
    expect(await (await open()).read(count)).toEqual([{ a: 1 }]);
  });

  test('is shared by processes: four that create, migrate and write at once lose nothing', async () => {
    await Promise.all(
      Array.from({ length: 4 }, () => run(process.execPath, [join(programs, 'migrate-file.ts'), path])),
    );
    expect(await (await open()).read((tx) => tx.all('SELECT a FROM m'))).toEqual([{ a: 81 }]);
  });
});

describe('a statement that leaves the transaction', () => {
  test.each(['INSERT OR ROLLBACK INTO t VALUES (1)', 'COMMIT'])(
    '%s: what follows does not commit alone',
    async (sql) => {
      const database = await open();
      await database.write((tx) => tx.runScript('CREATE TABLE t (a INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)'));
      const leaving = database.write(async (tx) => {
        await tx.run(sql).catch(() => {});
        await tx.run('INSERT INTO t VALUES (2)').catch(() => {});
      });
      await expect(leaving).rejects.toMatchObject({ code: 'HF_TX_ENDED_INSIDE' });
      expect(await database.read(count)).toEqual([{ a: 1 }]);
    },
  );
});

describe('migration files', () => {
  test('are read in order, and a gap or another name is refused', async () => {
    writeFileSync(join(directory, '0002-more.sql'), 'SELECT 2');
    writeFileSync(join(directory, '0001-first.sql'), 'SELECT 1');
    const url = new URL(`file://${directory}/`);
    expect(await loadMigrations(url)).toEqual([
      { id: 1, name: 'first', sql: 'SELECT 1' },
      { id: 2, name: 'more', sql: 'SELECT 2' },
    ]);
    writeFileSync(join(directory, '0004-late.sql'), '');
    await expect(loadMigrations(url)).rejects.toThrow('0004-late.sql');
  });
});
