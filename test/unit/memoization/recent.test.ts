import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Database } from '../../../database/database.ts';
import { openSqlite } from '../../../database/sqlite.ts';
import { HoldfastError } from '../../../definitions/errors.ts';
import { MemoSite, memoTask } from '../../conformance/memo-site.ts';

let site: MemoSite;
const task = memoTask();

beforeEach(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-memo-'));
  site = new MemoSite({
    directory,
    open: () => openSqlite({ path: join(directory, 'memo.db') }),
    remove: () => rm(directory, { recursive: true, force: true }),
  });
});
afterEach(() => site.end());

/** A database whose commits fail, when it is told so, as those of a disk that is full. */
function failing(database: Database, isFull: () => boolean): Database {
  return {
    dialect: database.dialect,
    url: database.url,
    read: (work) => database.read(work),
    write: (work, options) =>
      database.write(async (tx) => {
        const result = await work(tx);
        if (isFull()) throw new HoldfastError('HF_DATABASE_FULL', { database: database.url });
        return result;
      }, options),
    isDataError: (error) => database.isDataError(error),
    checkFile: () => database.checkFile(),
    close: () => database.close(),
  };
}

describe('a transaction that stores and claims, and does not come through', () => {
  test('hides nothing of what others store afterwards', async () => {
    let isFull = false;
    const [one, other] = [
      await site.process({ database: failing(await site.database(), () => isFull) }),
      await site.process(),
    ];
    const claims = await Promise.all([1, 2].map((n) => one.hold(task, n)));
    isFull = true;
    const refused = await Promise.allSettled([...claims.map((claim, n) => one.complete(claim, n)), one.claim(task, 3)]);
    expect(refused.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    isFull = false;
    await other.call(task, 4, 'four');
    expect(await one.call(task, 4, 'again')).toEqual(['four', 'hit']);
    expect(await one.call(task, 1, 'anew')).toEqual(['anew', 'computed']);
    expect(await other.call(task, 1, 'again')).toEqual(['anew', 'hit']);
  });
});
