import { DatabaseSync } from 'node:sqlite';

/** Another program that keeps a database locked until it is told to let go. */
const database = new DatabaseSync(String(process.argv[2]), { timeout: 10_000 });
database.exec('BEGIN EXCLUSIVE');
process.stdout.write('locked\n');
process.stdin.once('data', () => {
  database.exec('COMMIT');
  database.close();
  process.exit();
});
