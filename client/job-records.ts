import { existsSync } from 'node:fs';
import type { Transaction } from '../database/database.ts';
import { openDatabase } from '../database/open-database.ts';
import { parseDatabaseUrl } from '../database/url.ts';
import { HoldfastError, isHoldfastError } from '../definitions/errors.ts';
import { DEFAULTS } from '../definitions/limits.ts';
import { findJob } from '../ledger/jobs.ts';
import { Ledger } from '../ledger/ledger.ts';
import { isThisMachine } from '../ledger/machine.ts';
import { openStore } from '../ledger/open-store.ts';
import { isOwnerAlive } from '../ledger/owner-files.ts';
import type { JobRow } from '../ledger/rows.ts';
import type { ProcessLease, RegistryRow, Store } from '../ledger/store.ts';

export interface RecordsPlace {
  readonly home: string;
  /** Relative paths of databases are relative to this. */
  readonly directory: string;
  readonly storeUrl: string;
}

/** The durable records of jobs: the store, and through its registry each job's ledger. Opened as they are needed. */
export class JobRecords {
  readonly place: RecordsPlace;
  #store: Promise<Store> | null = null;
  readonly #ledgers = new Map<string, Promise<Ledger>>();

  constructor(place: RecordsPlace) {
    this.place = place;
  }

  /** The store; null where there is none yet: looking makes none. */
  async store(): Promise<Store | null> {
    const { home, directory, storeUrl } = this.place;
    if (!this.#store && !existsSync(parseDatabaseUrl(storeUrl, directory).path)) return null;
    this.#store ??= openStore({ home, directory, url: storeUrl });
    this.#store.catch(() => {
      this.#store = null;
    });
    return this.#store;
  }

  /** What the registry knows of a job; null where it knows nothing. */
  async entry(jobId: string): Promise<RegistryRow | null> {
    return (await this.store())?.find(jobId) ?? null;
  }

  /** Every job that the registry knows, newest first. */
  async entries(): Promise<readonly RegistryRow[]> {
    return (await (await this.store())?.list()) ?? [];
  }

  /** Reads a job's newest generation. Errors: HF_JOB_UNKNOWN, HF_LEDGER_MOVED, those of the ledger's database. */
  read<T>(jobId: string, work: (tx: Transaction, job: JobRow, ledger: Ledger) => Promise<T>): Promise<T> {
    return this.#with(jobId, (ledger) => ledger.read(async (tx) => work(tx, await jobIn(tx, ledger, jobId), ledger)));
  }

  /** As `read`, in a transaction that may write and is durable when this resolves. */
  write<T>(jobId: string, work: (tx: Transaction, job: JobRow) => Promise<T>): Promise<T> {
    return this.#with(jobId, (ledger) => ledger.write(async (tx) => work(tx, await jobIn(tx, ledger, jobId))));
  }

  /** The living worker processes that serve a job name. */
  async workersOf(job: string): Promise<readonly ProcessLease[]> {
    const store = await this.store();
    const leases = (await store?.workersOf(job, { now: Date.now(), leaseMs: DEFAULTS.leaseMs })) ?? [];
    return leases.filter((lease) => !isThisMachine(lease.host) || isOwnerAlive(this.place.home, lease.id) !== false);
  }

  async close(): Promise<void> {
    const ledgers = [...this.#ledgers.values()];
    this.#ledgers.clear();
    const store = this.#store;
    this.#store = null;
    const databases = [
      ...ledgers.map(async (ledger) => (await ledger).database),
      store?.then(({ database }) => database),
    ];
    await Promise.allSettled(databases.map(async (database) => (await database)?.close()));
  }

  async #with<T>(jobId: string, work: (ledger: Ledger) => Promise<T>): Promise<T> {
    const entry = await this.entry(jobId);
    if (!entry) throw new HoldfastError('HF_JOB_UNKNOWN', { id: jobId, store: this.place.storeUrl });
    try {
      return await work(await this.#ledger(entry));
    } catch (error) {
      if (!isHoldfastError(error, 'HF_DATABASE_MOVED')) throw error;
      // Another file took its place since it was opened: that one answers now.
      this.#ledgers.delete(entry.ledger_url);
      return work(await this.#ledger(entry));
    }
  }

  async #ledger(entry: RegistryRow): Promise<Ledger> {
    const store = await this.store();
    if (store && entry.ledger_id === store.ledger.id) return store.ledger;
    let ledger = this.#ledgers.get(entry.ledger_url);
    if (!ledger) {
      ledger = this.#open(entry);
      this.#ledgers.set(entry.ledger_url, ledger);
      ledger.catch(() => this.#ledgers.delete(entry.ledger_url));
    }
    return ledger;
  }

  async #open(entry: RegistryRow): Promise<Ledger> {
    const options = { directory: this.place.directory, create: false };
    const database = await openDatabase(entry.ledger_url, options).catch((error) => {
      if (isHoldfastError(error, 'HF_DATABASE_READONLY'))
        return openDatabase(entry.ledger_url, { ...options, readOnly: true });
      throw error;
    });
    const ledger = await Ledger.find(database);
    if (ledger) return ledger;
    await database.close();
    throw new HoldfastError('HF_LEDGER_MOVED', { id: entry.job_id, database: entry.ledger_url });
  }
}

async function jobIn(tx: Transaction, ledger: Ledger, jobId: string): Promise<JobRow> {
  const job = await findJob(tx, jobId);
  if (!job) throw new HoldfastError('HF_LEDGER_MOVED', { id: jobId, database: ledger.database.url });
  return job;
}
