import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '../../database/open-database.ts';
import { describeCollecting } from './memo-collect.ts';
import { describeEntries } from './memo-entries.ts';
import { describeSingleFlight } from './memo-flight.ts';
import { describeNestedCalls } from './memo-nested.ts';
import { describeStoredResults } from './memoization.ts';

const makeHome = async () => {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-memo-'));
  return {
    directory,
    open: () => openDatabase('sqlite:memo.db', { directory }),
    remove: () => rm(directory, { recursive: true }),
  };
};

describeStoredResults('SQLite', makeHome);
describeSingleFlight('SQLite', makeHome);
describeEntries('SQLite', makeHome);
describeNestedCalls('SQLite', makeHome);
describeCollecting('SQLite', makeHome);
