import { describe, expect, test } from '@jest/globals';
import { all, database, open, prepare, type Row, script, useDatabase, withCode, write } from './table-fixture.ts';

useDatabase();

describe('a table that is absent', () => {
  test('is created with columns typed by the first values, and the key as its primary key', async () => {
    const session = await open({ key: ['id', 'part'] });
    const first = {
      id: 'a',
      part: 1,
      lat: 5,
      big: 2n ** 60n,
      at: new Date(0),
      ok: true,
      raw: new Uint8Array([1]),
      none: null,
      mix: 1,
    };
    await write(session, first, { ...first, part: 2, lat: 5.5, mix: 'x' });
    expect(await all('SELECT name, type, pk, "notnull" AS required FROM pragma_table_info(\'t\')')).toEqual([
      { name: 'id', type: 'TEXT', pk: 1, required: 1 },
      { name: 'part', type: 'INTEGER', pk: 2, required: 1 },
      { name: 'lat', type: 'REAL', pk: 0, required: 0 },
      { name: 'big', type: 'INTEGER', pk: 0, required: 0 },
      { name: 'at', type: 'TEXT', pk: 0, required: 0 },
      { name: 'ok', type: 'INTEGER', pk: 0, required: 0 },
      { name: 'raw', type: 'BLOB', pk: 0, required: 0 },
      { name: 'none', type: '', pk: 0, required: 0 },
      { name: 'mix', type: '', pk: 0, required: 0 },
    ]);
    expect(await all('SELECT * FROM t WHERE part = 1')).toEqual([
      { ...first, at: '1970-01-01T00:00:00.000Z', ok: 1, raw: expect.any(Uint8Array), mix: 1 },
    ]);
    expect(await all('SELECT typeof(mix) AS mix FROM t ORDER BY part')).toEqual([{ mix: 'integer' }, { mix: 'text' }]);
  });

  test('is not there when the transaction that created it was rolled back, and is created again', async () => {
    const session = await open();
    const batch = prepare(session, [{ id: 1 }]);
    const failing = database.write(async (tx) => {
      await session.write(tx, batch);
      throw new Error('lost');
    });
    await expect(failing).rejects.toThrow('lost');
    expect(await all("SELECT 1 FROM sqlite_schema WHERE name = 't'")).toEqual([]);
    await database.write((tx) => session.write(tx, batch));
    await write(session, { id: 2 });
    expect(await all('SELECT id FROM t ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }]);
  });

  test('has the columns of all first rows, and gets no other later', async () => {
    const session = await open();
    await write(session, { id: 1, a: 1 }, { b: 2, id: 2 });
    expect(await all('SELECT * FROM t ORDER BY id')).toEqual([
      { id: 1, a: 1, b: null },
      { id: 2, a: null, b: 2 },
    ]);
    await expect(write(session, { id: 3, c: 1 })).rejects.toMatchObject(
      withCode('HF_SINK_COLUMNS', /Table t .* no column c; it has id, a, b/),
    );
  });

  test('may have names that need quoting', async () => {
    const session = await open({ table: 'my "table"; DROP', key: 'select' });
    await write(session, { select: 'x', 'a"b': "it's", 'ünï, code': 1 });
    await write(session, { select: 'x', 'a"b': 'new', 'ünï, code': 2 });
    expect(await all('SELECT * FROM "my ""table""; DROP"')).toEqual([{ select: 'x', 'a"b': 'new', 'ünï, code': 2 }]);
  });
});

describe('a table that exists', () => {
  test.each([
    ['a primary key', 'CREATE TABLE t (id TEXT PRIMARY KEY, n)'],
    ['an integer primary key', 'CREATE TABLE t (id INTEGER PRIMARY KEY, n)'],
    ['a unique index', 'CREATE TABLE t (n, id); CREATE UNIQUE INDEX u ON t (id)'],
    ['a unique constraint and other columns', 'CREATE TABLE t (n, id UNIQUE, more TEXT DEFAULT 5 NOT NULL)'],
    ['no rowid', 'CREATE TABLE t (id PRIMARY KEY, n) WITHOUT ROWID'],
    ['another case', 'CREATE TABLE T (ID PRIMARY KEY, N)'],
  ])('with %s takes rows', async (_, sql) => {
    await script(sql);
    const session = await open();
    await write(session, { id: 1, n: 1 }, { id: 2, n: 1 });
    await write(session, { id: 1, n: 2 });
    expect(await all('SELECT id + 0 AS id, n AS n FROM t ORDER BY id')).toEqual([
      { id: 1, n: 2 },
      { id: 2, n: 1 },
    ]);
  });

  test.each([
    ['no unique index', 'CREATE TABLE t (id, n)'],
    ['a unique index on more columns', 'CREATE TABLE t (id, n, PRIMARY KEY (id, n))'],
    ['a partial unique index', 'CREATE TABLE t (id, n); CREATE UNIQUE INDEX u ON t (id) WHERE n > 1'],
    ['a unique index on an expression', 'CREATE TABLE t (id, n); CREATE UNIQUE INDEX u ON t (lower(id))'],
  ])('with %s is refused before the first item', async (_, sql) => {
    await script(sql);
    await expect(open()).rejects.toMatchObject(withCode('HF_SINK_KEY_NOT_UNIQUE', /Table t in sqlite:a\.db .*\(id\)/));
    await open({ mode: 'insert' });
  });

  test('without a key column is refused before the first item', async () => {
    await script('CREATE TABLE t (code PRIMARY KEY, n)');
    await expect(open()).rejects.toMatchObject(withCode('HF_SINK_COLUMNS', /no column id; it has code, n/));
  });

  test.each([
    ['view', 'CREATE TABLE s (id PRIMARY KEY); CREATE VIEW t AS SELECT * FROM s', /it is a view/],
    ['virtual table', 'CREATE VIRTUAL TABLE t USING fts5(id)', /it is a virtual table/],
  ])('that is a %s is refused before the first item', async (_, sql, message) => {
    await script(sql);
    await expect(open()).rejects.toMatchObject(withCode('HF_SINK_TARGET', message));
    await expect(open({ mode: 'insert' })).rejects.toMatchObject(withCode('HF_SINK_TARGET', message));
  });

  test('refuses rows for a generated column, and rows without a column that needs a value', async () => {
    await script('CREATE TABLE t (id PRIMARY KEY, n NOT NULL, twice AS (n * 2))');
    const session = await open();
    await expect(write(session, { id: 1, n: 1, twice: 2 })).rejects.toMatchObject(
      withCode('HF_SINK_TARGET', /twice is generated/),
    );
    await expect(write(session, { id: 1 })).rejects.toMatchObject(withCode('HF_SINK_COLUMN_NEEDED', /column n/));
    expect(database.isDataError(await write(session, { id: 1 }).catch((error: unknown) => error))).toBe(false);
    await write(session, { id: 1, n: 4 });
    expect(await all('SELECT twice FROM t')).toEqual([{ twice: 8 }]);
  });

  test('keeps the columns that the rows do not name', async () => {
    await script("CREATE TABLE t (id PRIMARY KEY, n, note); INSERT INTO t VALUES (1, 1, 'mine')");
    await write(await open(), { id: 1, n: 2 });
    expect(await all('SELECT * FROM t')).toEqual([{ id: 1, n: 2, note: 'mine' }]);
  });

  test('gets whole numbers as integers, also in columns of text', async () => {
    await script('CREATE TABLE t (id PRIMARY KEY, a TEXT, b, c INTEGER, d REAL)');
    await write(await open(), { id: 1, a: 5, b: true, c: 5, d: 5 }, { id: 2, a: 5.5, b: 2 ** 60, c: 2, d: 1 });
    expect(
      await all('SELECT a, typeof(b) AS b, typeof(c) AS c, typeof(d) AS d, typeof(id) AS id FROM t ORDER BY id'),
    ).toEqual([
      { a: '5', b: 'integer', c: 'integer', d: 'real', id: 'integer' },
      { a: '5.5', b: 'real', c: 'integer', d: 'real', id: 'integer' },
    ]);
  });
});

describe('rows', () => {
  test('may be one, several or none for an item, with different columns', async () => {
    const session = await open();
    await write(session, { id: 1, a: 1, b: 1 });
    await write(
      session,
      null,
      [
        { id: 3, a: 3 },
        { id: 2, b: 2 },
      ],
      [],
      { b: 4, id: 1 },
    );
    expect(await all('SELECT * FROM t ORDER BY id')).toEqual([
      { id: 1, a: 1, b: 4 },
      { id: 2, a: null, b: 2 },
      { id: 3, a: 3, b: null },
    ]);
  });

  test('of columns of the key alone are written, and again without an error', async () => {
    const session = await open();
    await write(session, { id: 1 });
    await write(session, { id: 1 }, { id: 2 });
    expect(await all('SELECT * FROM t ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }]);
  });

  test.each<[string, unknown, RegExp]>([
    ['NaN', Number.NaN, /NaN in column a: give a finite number/],
    ['infinity', Number.NEGATIVE_INFINITY, /-Infinity/],
    ['a bigint beyond 64 bits', 2n ** 63n, /64 bits/],
    ['an invalid date', new Date(Number.NaN), /invalid date/],
    ['an object', { b: 1 }, /JSON\.stringify/],
    ['an array', [1], /JSON\.stringify/],
    ['a function', () => 1, /give a string/],
    ['a promise', Promise.resolve(1), /await it/],
  ])('with %s are refused, with item and column', async (_, value, message) => {
    const session = await open();
    const preparing = (): unknown => session.prepare({ item: { id: 1, a: value }, key: 'item-7', result: null });
    expect(preparing).toThrow(expect.objectContaining(withCode('HF_ROW_VALUE', message)));
    expect(preparing).toThrow(/item item-7/);
  });

  test('that row throws for are refused, with the item and what it threw', async () => {
    const session = await open({
      row: () => {
        throw new TypeError('no such town');
      },
    });
    expect(() => prepare(session, [{ id: 1 }])).toThrow(
      expect.objectContaining(withCode('HF_ROW_FAILED', /row threw for item item-0: no such town/)),
    );
  });

  test('with undefined are refused by name', async () => {
    const session = await open();
    expect(() => prepare(session, [{ id: 1, a: undefined }])).toThrow(
      expect.objectContaining(withCode('HF_ROW_UNDEFINED', /item item-0 has undefined in column a/)),
    );
  });

  test('without a value for the key are refused', async () => {
    const session = await open();
    for (const row of [{ a: 1 }, { id: null, a: 1 }]) {
      expect(() => prepare(session, [row])).toThrow(expect.objectContaining(withCode('HF_ROW_KEY', /column id/)));
    }
  });

  test('that are no objects with columns are refused', async () => {
    const session = await open();
    for (const row of [{}, Promise.resolve({ id: 1 }), 'text', undefined, [[1]]] as unknown as Row[]) {
      expect(() => prepare(session, [row])).toThrow(expect.objectContaining(withCode('HF_ROW_COLUMNS')));
    }
  });

  test('are written whatever order their keys come in', async () => {
    const session = await open({ key: ['a', 'b'] });
    const keys = Array.from({ length: 500 }, (_, i) => ({ a: `k${(i * 7919) % 500}`, b: (i * 31) % 7, n: i }));
    await write(session, ...keys);
    expect(await all('SELECT n FROM t ORDER BY n')).toEqual(keys.map(({ n }) => ({ n })));
  });
});
