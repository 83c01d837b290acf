import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { HoldfastError } from '../definitions/errors.ts';

const SQLITE_BUSY = 5;

/**
 * Refuses a database file that a server has open which the process table does not show (another user's, or in a
 * container). A server in WAL mode holds a shared lock on its file as long as it runs, even suspended; leaving WAL mode
 * needs the file alone. The next server turns WAL on again. A killed server leaves the process table a little before it
 * lets go of its file, so this waits.
 *
 * @throws HF_SERVER_FILE_IN_USE
 */
export async function refuseForeignUse(file: string, timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const held = findHolder(file);
    if (held === undefined) return;
    if (Date.now() >= deadline) throw new HoldfastError('HF_SERVER_FILE_IN_USE', { file }, { cause: held });
    await sleep(20);
  }
}

/** The error that shows that the file is held. */
function findHolder(file: string): Error | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { timeout: 0 });
    database.exec('PRAGMA journal_mode = DELETE');
    return undefined;
  } catch (error) {
    // A damaged file is the server's to complain of.
    return (error as { readonly errcode?: number }).errcode === SQLITE_BUSY ? (error as Error) : undefined;
  } finally {
    database?.close();
  }
}
