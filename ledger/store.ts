import type { Database, Transaction } from '../database/database.ts';
import { loadMigrations, migrate } from '../database/migrate.ts';
import { Ledger } from './ledger.ts';

export interface RegistryRow {
  readonly job_id: string;
  readonly name: string;
  readonly ledger_url: string;
  readonly ledger_id: string;
  readonly updated_at: number;
}

export interface ProcessLease {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  /** Names of the jobs it serves. */
  readonly jobs: readonly string[];
  readonly startedAt: number;
}

/**
 * What Holdfast keeps beside the ledgers: which ledger holds which job, which worker processes live, and the ledger of jobs
 * without a sink.
 */
export class Store {
  readonly database: Database;
  readonly ledger: Ledger;

  private constructor(database: Database, ledger: Ledger) {
    this.database = database;
    this.ledger = ledger;
  }

  static async open(database: Database): Promise<Store> {
    const migrations = await loadMigrations(new URL(`./store-migrations/${database.dialect}/`, import.meta.url));
    await migrate(database, { component: 'store', migrations });
    return new Store(database, await Ledger.open(database));
  }

  async register(entry: Omit<RegistryRow, 'updated_at'>, now: number): Promise<void> {
    await this.database.write((tx) =>
      tx.run(
        `INSERT INTO hf_registry (job_id, name, ledger_url, ledger_id, updated_at) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (job_id) DO UPDATE SET name = excluded.name, ledger_url = excluded.ledger_url,
           ledger_id = excluded.ledger_id, updated_at = excluded.updated_at`,
        [entry.job_id, entry.name, entry.ledger_url, entry.ledger_id, now],
      ),
    );
  }

  async find(jobId: string): Promise<RegistryRow | null> {
    const rows = await this.database.read((tx) =>
      tx.all<RegistryRow>('SELECT * FROM hf_registry WHERE job_id = ?', [jobId]),
    );
    return rows[0] ?? null;
  }

  list(): Promise<RegistryRow[]> {
    return this.database.read((tx) =>
      tx.all<RegistryRow>('SELECT * FROM hf_registry ORDER BY updated_at DESC, job_id'),
    );
  }

  /** Says that a process lives, for so long. Ends are capped at now + lease, whatever a clock that was set back has written. */
  async renewLease(
    lease: ProcessLease,
    { now, leaseMs }: { readonly now: number; readonly leaseMs: number },
  ): Promise<void> {
    await this.database.write((tx) =>
      tx.run(
        `INSERT INTO hf_process (id, host, pid, jobs, started_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET jobs = excluded.jobs, expires_at = excluded.expires_at`,
        [lease.id, lease.host, lease.pid, JSON.stringify(lease.jobs), lease.startedAt, now + leaseMs],
      ),
    );
  }

  async endLease(id: string): Promise<void> {
    await this.database.write((tx) => tx.run('DELETE FROM hf_process WHERE id = ?', [id]));
  }

  /**
   * The living processes that serve a job name, the oldest first: one that comes later takes nothing from a share that
   * cannot be divided, whose item is in flight elsewhere.
   */
  async workersOf(job: string, at: { readonly now: number; readonly leaseMs: number }): Promise<ProcessLease[]> {
    return (await this.workers(at)).filter((lease) => lease.jobs.includes(job));
  }

  /** All living processes, the oldest first. */
  workers({ now, leaseMs }: { readonly now: number; readonly leaseMs: number }): Promise<ProcessLease[]> {
    return this.database.read((tx) => livingRows(tx, now, leaseMs));
  }
}

interface ProcessRow {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly jobs: string;
  readonly started_at: number;
}

async function livingRows(tx: Transaction, now: number, leaseMs: number): Promise<ProcessLease[]> {
  const rows = await tx.all<ProcessRow>(
    'SELECT id, host, pid, jobs, started_at FROM hf_process WHERE expires_at > ? AND expires_at <= ? ORDER BY started_at, id',
    [now, now + leaseMs],
  );
  return rows.map((row) => ({
    id: row.id,
    host: row.host,
    pid: row.pid,
    jobs: JSON.parse(row.jobs) as string[],
    startedAt: row.started_at,
  }));
}
