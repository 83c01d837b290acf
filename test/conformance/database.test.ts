import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '../../database/open-database.ts';
import { describeDatabase } from './database.ts';

describeDatabase('SQLite', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-database-'));
  return {
    open: () => openDatabase('sqlite:test.db', { directory }),
    remove: () => rm(directory, { recursive: true }),
  };
});
