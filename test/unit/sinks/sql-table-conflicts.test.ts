import { describe, expect, test } from '@jest/globals';
import { all, database, make, open, prepare, type Row, script, useDatabase, withCode, write } from './table-fixture.ts';

useDatabase();

describe('two items on one row', () => {
  test.each<[string, Row, Row]>([
    ['next to each other', { id: 5 }, { id: 5 }],
    ['as number and text', { id: 5 }, { id: '5' }],
    ['as bytes', { id: new Uint8Array([1, 2]) }, { id: new Uint8Array([1, 2]) }],
    ['with different columns', { id: 5, a: 1 }, { id: 5, b: 1 }],
  ])('%s are an error of the later one, which names both', async (_, first, second) => {
    const session = await open();
    const error = await write(session, { id: 9 }, first, { id: 1 }, second).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject(
      withCode('HF_ROW_KEY_TWICE', /Items item-1 and item-3 both write the row \(.*5.*\)|x'0102'/),
    );
    expect(database.isDataError(error)).toBe(true);
  });

  test('stay an error of the later one when halving has parted them', async () => {
    const session = await open();
    const batch = prepare(session, [
      { id: 1, n: 'first' },
      { id: 2, n: 'other' },
      { id: 1, n: 'second' },
    ]);
    const part = (from: number, to: number): Promise<void> =>
      database.write((tx) => session.write(tx, batch.slice(from, to)));
    await expect(part(0, 3)).rejects.toMatchObject(withCode('HF_ROW_KEY_TWICE'));
    await part(0, 2);
    await expect(part(2, 3)).rejects.toMatchObject(withCode('HF_ROW_KEY_TWICE', /item-0 and item-2/));
    expect(await all('SELECT n FROM t ORDER BY id')).toEqual([{ n: 'first' }, { n: 'other' }]);
  });

  test('in insert mode violate the primary key', async () => {
    const session = await open({ mode: 'insert' });
    await write(session, { id: 1 });
    const error = await write(session, { id: 1 }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ message: expect.stringContaining('UNIQUE constraint failed: t.id') });
    expect(database.isDataError(error)).toBe(true);
  });
});

describe('insert mode', () => {
  test('appends in the order in which the rows come, to a table without a key', async () => {
    await script('CREATE TABLE t (n INTEGER)');
    const session = await open({ mode: 'insert', key: [] });
    await write(session, { n: 3 }, { n: 1 }, { n: 3 });
    expect(await all('SELECT n FROM t ORDER BY rowid')).toEqual([{ n: 3 }, { n: 1 }, { n: 3 }]);
  });
});

describe('a wrong definition is refused when it is made', () => {
  test.each<[string, object, RegExp]>([
    ['a reserved table', { table: 'hf_chunk' }, /option table is 'hf_chunk'/],
    ['a reserved table in another case', { table: 'HF_mine' }, /reserved/],
    ['no table', { table: '' }, /table/],
    ['no key', { key: [] }, /key/],
    ['a key column twice', { key: ['id', 'id'] }, /key/],
    ['an unknown mode', { mode: 'replace' }, /mode is 'replace'/],
    ['an unknown option', { keys: 'id' }, /did you mean key/],
    ['no row', { row: undefined }, /row/],
  ])('%s', (_, options, message) => {
    expect(() => make(options as never)).toThrow(expect.objectContaining(withCode('HF_DEFINITION_INVALID', message)));
  });
});
