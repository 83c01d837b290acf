import { migrate } from '../../../../database/migrate.ts';
import { openDatabase } from '../../../../database/open-database.ts';

/** One of several processes that open a new database and migrate it at once. */
const database = await openDatabase(`sqlite:${process.argv[2]}`, { directory: '/' });
const sql = 'CREATE TABLE m (a INTEGER); INSERT INTO m VALUES (1);';
await migrate(database, { component: 'part', migrations: [{ id: 1, name: 'first', sql }] });
for (let i = 0; i < 20; i++) await database.write((tx) => tx.run('UPDATE m SET a = a + 1'));
await database.close();
