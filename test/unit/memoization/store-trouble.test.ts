import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openSqlite } from '../../../database/sqlite.ts';
import { MemoSite, memoTask } from '../../conformance/memo-site.ts';

let site: MemoSite;
let directory: string;
const failing = memoTask('locate');
const running = memoTask('locate', { onStoreError: 'run' });

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-memo-'));
  site = new MemoSite({
    directory,
    open: () => openSqlite({ path: join(directory, 'memo.db'), lockWaitMs: 100 }),
    remove: () => rm(directory, { recursive: true, force: true }),
  });
});
afterEach(() => site.end());

/** Another program's connection to the store. */
function intruder(): DatabaseSync {
  return new DatabaseSync(join(directory, 'memo.db'));
}

describe('a stored result in the database that is damaged', () => {
  test.each([
    ['a byte of it was changed', "value = CAST('\"y' || substr(CAST(value AS TEXT), 3) AS BLOB)"],
    ['it was cut', 'value = substr(value, 1, 3)'],
    ['it is gone', 'value = NULL'],
    [
      'it is another key’s',
      'value = (SELECT value FROM hf_memo WHERE entry_no = 2), checksum = (SELECT checksum FROM hf_memo WHERE entry_no = 2)',
    ],
  ])('is a miss and is computed anew: %s (invariant 8)', async (_, change) => {
    const process = await site.process();
    await process.call(failing, 1, 'xxxx');
    await process.call(failing, 2, 'other');
    const database = intruder();
    expect(database.prepare(`UPDATE hf_memo SET ${change} WHERE entry_no = 1`).run().changes).toBe(1);
    database.close();
    expect(await process.peek(failing, 1)).toBe('miss');
    const key = process.memoization.keyOf(failing, 1);
    expect(await (await site.entries()).explain(failing, key)).toMatchObject({
      reason: { kind: 'damaged', file: null },
    });
    expect(await process.call(failing, 1, 'anew')).toEqual(['anew', 'computed']);
    expect(await process.call(failing, 1, 'again')).toEqual(['anew', 'hit']);
    expect(await process.call(failing, 2, 'again')).toEqual(['other', 'hit']);
  });
});

describe('a store that cannot be used', () => {
  test('that is locked is an error, or a plain call where the task says so, and is used again afterwards', async () => {
    const process = await site.process();
    const database = intruder();
    database.exec('BEGIN IMMEDIATE');
    await expect(process.run(failing, 1, () => 1)).rejects.toMatchObject({ code: 'HF_DATABASE_LOCKED' });
    expect(await process.call(running, 1, 'plain')).toEqual(['plain', 'computed']);
    database.exec('ROLLBACK');
    database.close();
    expect(await process.peek(failing, 1)).toBe('miss');
    expect(await process.call(failing, 1, 'stored')).toEqual(['stored', 'computed']);
    expect(await process.call(failing, 1, 'again')).toEqual(['stored', 'hit']);
  });

  test('that is locked when the result is there loses the result, not the key', async () => {
    const process = await site.process();
    const database = intruder();
    const lock = () => database.exec('BEGIN IMMEDIATE');
    await expect(process.run(failing, 1, lock)).rejects.toMatchObject({ code: 'HF_DATABASE_LOCKED' });
    database.exec('ROLLBACK');
    expect((await process.run(running, 1, () => [lock(), 'plain'][1])).value).toBe('plain');
    database.exec('ROLLBACK');
    database.close();
    expect(await process.call(failing, 1, 'stored')).toEqual(['stored', 'computed']);
  });

  test('that is locked when the result is there keeps the key for a holder that asks again: the result is not lost', async () => {
    const process = await site.process();
    const claim = await process.hold(failing, 1);
    const waiting = process.call(failing, 1, 'computed twice');
    const database = intruder();
    database.exec('BEGIN IMMEDIATE');
    let asked = 0;
    const again = () => {
      asked += 1;
      if (asked === 2) database.exec('ROLLBACK');
      return asked <= 3;
    };
    const { memoization, owner: madeBy } = process;
    await memoization.complete({ claim, value: 'late', input: 1, costMs: 1, madeBy, again });
    database.close();
    expect(asked).toBe(2);
    expect(await waiting).toEqual(['late', 'hit']);
    expect(await process.peek(failing, 1)).toBe('late');
  });

  test('that is locked while a call waits: what was released meanwhile is free for others soon', async () => {
    const [process, other] = [await site.process(), await site.process()];
    const claim = await process.hold(failing, 1);
    const database = intruder();
    database.exec('BEGIN IMMEDIATE');
    await process.memoization.release(claim);
    database.exec('ROLLBACK');
    database.close();
    expect(await other.call(failing, 1, 'other')).toEqual(['other', 'computed']);
  });

  test('that is full is an error, or a plain call where the task says so', async () => {
    const database = await site.database();
    const process = await site.process({ database });
    await database.read((tx) => tx.all('SELECT 1'));
    await database.write((tx) => tx.runScript('PRAGMA max_page_count = 1'));
    const big = 'x'.repeat(60_000);
    await expect(process.run(failing, 1, () => big)).rejects.toMatchObject({ code: 'HF_DATABASE_FULL' });
    expect(await process.call(running, 1, big)).toEqual([big, 'computed']);
    await database.write((tx) => tx.runScript('PRAGMA max_page_count = 1000000'));
    expect(await process.call(failing, 1, big)).toEqual([big, 'computed']);
    expect((await process.call(failing, 1, 0))[1]).toBe('hit');
  });

  test('that is read-only is an error, or a plain call where the task says so; what it has is taken', async () => {
    await (await site.process()).call(failing, 1, 'stored');
    const database = await openSqlite({ path: join(directory, 'memo.db'), readOnly: true });
    const process = await site.process({ database });
    expect(await process.call(failing, 1, 'again')).toEqual(['stored', 'hit']);
    await expect(process.run(failing, 2, () => 1)).rejects.toMatchObject({ code: 'HF_DATABASE_READONLY' });
    expect(await process.call(running, 2, 'plain')).toEqual(['plain', 'computed']);
    await process.memoization.close();
    await database.close();
  });

  test('that is gone in the middle is an error, or a plain call where the task says so', async () => {
    const [process, other] = [await site.process(), await site.process()];
    const claim = await process.hold(failing, 1);
    const waiting = other.call(running, 1, 'plain');
    const failed = other.run(failing, 1, () => 1);
    failed.catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 50));
    renameSync(join(directory, 'memo.db'), join(directory, 'away.db'));
    writeFileSync(join(directory, 'memo.db'), '');
    await expect(process.complete(claim, 'lost')).rejects.toMatchObject({ code: 'HF_DATABASE_MOVED' });
    expect(await waiting).toEqual(['plain', 'computed']);
    await expect(failed).rejects.toMatchObject({ code: 'HF_DATABASE_MOVED' });
    expect(await process.call(running, 2, 'plain')).toEqual(['plain', 'computed']);
    rmSync(join(directory, 'memo.db'));
    renameSync(join(directory, 'away.db'), join(directory, 'memo.db'));
    expect(await process.call(failing, 2, 'stored')).toEqual(['stored', 'computed']);
  });

  test('with a results folder that cannot be written is an error, or a plain call where the task says so', async () => {
    const process = await site.process();
    writeFileSync(site.results, 'a file in its place');
    const large = 'x'.repeat(100_000);
    await expect(process.run(failing, 1, () => large)).rejects.toMatchObject({ code: expect.stringMatching(/^E/) });
    expect(await process.call(running, 1, large)).toEqual([large, 'computed']);
    rmSync(site.results);
    expect(await process.call(failing, 1, large)).toEqual([large, 'computed']);
    expect((await process.call(failing, 1, null))[1]).toBe('hit');
  });

  test('is no excuse for errors of the task’s own: onStoreError does not hide them', async () => {
    const process = await site.process();
    await expect(process.run(running, 1, () => new Map())).rejects.toMatchObject({ code: 'HF_RESULT_NOT_STORABLE' });
    await expect(process.run(running, { a: undefined }, () => 1)).rejects.toMatchObject({ code: 'HF_MEMO_KEY' });
    const of = () => {
      throw new Error('of expires');
    };
    const naming = memoTask('naming', { onStoreError: 'run', expires: { kind: 'function', of } });
    await expect(process.run(naming, 1, () => 1)).rejects.toThrow('of expires');
    await expect(process.run(running, 1, () => Promise.reject(new Error('its own')))).rejects.toThrow('its own');
  });
});
