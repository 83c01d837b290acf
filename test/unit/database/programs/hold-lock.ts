import { tryLock } from '../../../../database/file-lock.ts';

/** Takes the lock of the file named, writes a row into it, says whether it got it, and stays. */
const lock = tryLock(String(process.argv[2]));
if (lock !== null) {
  lock.run('CREATE TABLE IF NOT EXISTS holder (pid INTEGER)');
  lock.run('INSERT INTO holder (pid) VALUES (?)', [process.pid]);
}
process.stdout.write(lock === null ? 'taken\n' : 'held\n');
setInterval(() => {}, 60_000);
