import { randomUUID } from 'node:crypto';
import type { Database, Transaction } from '../database/database.ts';
import { loadMigrations, migrate } from '../database/migrate.ts';
import { HoldfastError } from '../definitions/errors.ts';

/** Where a ledger stands: travels in the workflow's state, so that a moved or restored ledger is noticed. */
export interface LedgerMark {
  readonly id: string;
  readonly commits: number;
}

/**
 * The durable record of which items' effects have landed, in the database that the effects go to (in the store for jobs
 * without a sink). Its tables are written by the functions of this room, all inside `write`.
 */
export class Ledger {
  readonly database: Database;
  readonly id: string;
  #commits: number;

  private constructor(database: Database, mark: LedgerMark) {
    this.database = database;
    this.id = mark.id;
    this.#commits = mark.commits;
  }

  /** Creates or updates the tables and opens the ledger. Errors: HF_SCHEMA_NEWER and those of the database. */
  static async open(database: Database): Promise<Ledger> {
    await migrate(database, { component: 'ledger', migrations: await loadMigrations(migrationsOf(database)) });
    const mark = await database.write(async (tx) => {
      await tx.run('INSERT INTO hf_ledger (one, id, commits) VALUES (1, ?, 0) ON CONFLICT (one) DO NOTHING', [
        randomUUID(),
      ]);
      return readMark(tx);
    });
    return new Ledger(database, mark);
  }

  /** Opens the ledger of a database that may have none; null then. Writes nothing. */
  static async find(database: Database): Promise<Ledger | null> {
    const mark = await database.read(async (tx) => {
      const tables = await tx.all("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'hf_ledger'");
      return tables.length === 0 ? null : readMark(tx);
    });
    return mark ? new Ledger(database, mark) : null;
  }

  /** The newest commit that this process has seen. */
  get mark(): LedgerMark {
    return { id: this.id, commits: this.#commits };
  }

  /** Where the ledger stands now, whoever wrote last. */
  async currentMark(): Promise<LedgerMark> {
    return this.database.read(readMark);
  }

  /** Runs `work` in one transaction that counts as a commit. It is durable when this resolves. */
  async write<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    let mark: LedgerMark | undefined;
    const result = await this.database.write(async (tx) => {
      await tx.run('UPDATE hf_ledger SET commits = commits + 1');
      const value = await work(tx);
      mark = await readMark(tx);
      if (mark.id !== this.id) throw new HoldfastError('HF_LEDGER_MOVED', { id: '?', database: this.database.url });
      return value;
    });
    if (mark) this.#commits = mark.commits;
    return result;
  }

  read<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.database.read(work);
  }
}

function migrationsOf(database: Database): URL {
  return new URL(`./migrations/${database.dialect}/`, import.meta.url);
}

async function readMark(tx: Transaction): Promise<LedgerMark> {
  const [row] = await tx.all<LedgerMark>('SELECT id, commits FROM hf_ledger');
  if (!row) throw new Error('hf_ledger is empty');
  return row;
}
