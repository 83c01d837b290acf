import { openDatabase } from '../database/open-database.ts';
import { HoldfastError, isHoldfastError } from '../definitions/errors.ts';
import type { JobSpec } from '../definitions/job.ts';
import type { TaskSpec } from '../definitions/task.ts';
import { decodeValue } from '../definitions/values.ts';
import { findJob, jobByNumber } from '../ledger/jobs.ts';
import { KeyFilter } from '../ledger/key-filter.ts';
import { Ledger } from '../ledger/ledger.ts';
import type { JobRow } from '../ledger/rows.ts';
import type { Prepared, SinkSession, TransactionalSinkPort } from '../sinks/sink.ts';
import type { SourcePort, SourceReader } from '../sources/source.ts';
import type { OpenedRun, RunStatus } from '../workflows/messages.ts';
import type { Dependencies, Log } from './dependencies.ts';
import type { ItemWork } from './item-context.ts';
import { LoadGate } from './load-gate.ts';
import { logWith } from './log-with.ts';
import { RateLimit } from './rate-limit.ts';
import { type JobLook, lookAtJob } from './run-status.ts';
import { servedJob } from './served-job.ts';
import { Slots } from './slots.ts';

/** How long one look at the ledger and the leases serves all attempts of a process. */
const LOOK_AGAIN_MS = 300;
/** Records in memory and not begun at which the next chunk is read: it then comes while the last one commits. */
const LOAD_AHEAD = 500;

export type AnySinkPort = TransactionalSinkPort<unknown, unknown>;
export type AnyPrepared = Prepared<unknown, unknown>;

/** The ports that a job's definition names for its params. */
export function portsOf(spec: JobSpec, params: Readonly<Record<string, unknown>>) {
  const source = spec.source(params) as SourcePort<unknown>;
  const sink = spec.sink === null ? null : (spec.sink(params) as unknown as AnySinkPort);
  return { source, sink };
}

/** The sink's identity and title as the ledger stores them; for jobs without one too. */
export function sinkIdentity(sink: AnySinkPort | null): { readonly identity: string; readonly title: string } {
  return sink ?? { identity: 'none', title: 'no sink (results are kept)' };
}

/** Opens the ledger that belongs to a sink: in its own database, else in the store. */
export async function openLedger(deps: Dependencies, sink: AnySinkPort | null): Promise<Ledger> {
  if (!sink) return deps.store.ledger;
  const database = await openDatabase(sink.url, { directory: deps.directory });
  try {
    return await Ledger.open(database);
  } catch (error) {
    await database.close();
    throw error;
  }
}

/**
 * What all attempts of one generation share in a process: its definition, open source, sink and ledger, the semaphore, the
 * rate, the filter of known keys, and a look at the control row that is at most a third of a second old.
 */
export class JobSession {
  readonly spec: JobSpec;
  readonly job: JobRow;
  readonly params: Readonly<Record<string, unknown>>;
  readonly ledger: Ledger;
  readonly sink: SinkSession<unknown, unknown> | null;
  readonly filter = new KeyFilter();
  readonly slots: Slots;
  readonly loads = new LoadGate(() => Math.max(2 * this.slots.limit, LOAD_AHEAD));
  readonly rate = new RateLimit();
  readonly deps: Dependencies;
  onceUsed = false;
  #look: JobLook | null = null;
  #looking: Promise<JobLook> | null = null;
  #reader: { readonly pass: number; readonly opened: Promise<SourceReader<unknown>> };

  private constructor(parts: {
    readonly spec: JobSpec;
    readonly job: JobRow;
    readonly params: Readonly<Record<string, unknown>>;
    readonly ledger: Ledger;
    readonly sink: SinkSession<unknown, unknown> | null;
    readonly reader: SourceReader<unknown>;
    readonly deps: Dependencies;
  }) {
    this.spec = parts.spec;
    this.job = parts.job;
    this.params = parts.params;
    this.ledger = parts.ledger;
    this.sink = parts.sink;
    this.#reader = { pass: parts.job.pass, opened: Promise.resolve(parts.reader) };
    this.deps = parts.deps;
    this.slots = new Slots(0);
  }

  static async open(deps: Dependencies, run: OpenedRun): Promise<JobSession> {
    const spec = servedJob(deps, run.name);
    // Params are in the ledger, whose place the sink's params decide: take them from the run.
    const params = decodeValue(run.params) as Readonly<Record<string, unknown>>;
    const { source, sink } = portsOf(spec, params);
    const ledger = await openLedger(deps, sink);
    const close = async () => {
      if (sink) await ledger.database.close();
    };
    try {
      if (ledger.id !== run.ledger.id)
        throw new HoldfastError('HF_LEDGER_MOVED', { id: run.jobId, database: ledger.database.url });
      const job = await ledger.read((tx) => findJob(tx, run.jobId, run.generation));
      if (!job) throw restored(run, ledger);
      assertSameIdentity(job, source, sink);
      const reader = await source.open({
        directory: deps.directory,
        ...(job.source_state === null ? {} : { previous: job.source_state }),
      });
      const session = new JobSession({
        spec,
        job,
        params,
        ledger,
        reader,
        deps,
        sink: sink ? await sink.open(ledger.database) : null,
      });
      await session.look();
      return session;
    } catch (error) {
      await close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#reader.opened.then((reader) => reader.close()).catch(() => undefined);
    if (this.sink) await this.ledger.database.close();
  }

  /** Throws HF_LEDGER_RESTORED where the ledger is an older copy than the run has seen. */
  async checkLedger(run: OpenedRun): Promise<void> {
    const { commits } = await this.ledger.currentMark();
    if (commits < run.ledger.commits) throw restored(run, this.ledger);
  }

  /** The source as it is read in a pass: one that was replaced is opened anew, for its head and its files are other ones. */
  async readerOf(pass: number): Promise<SourceReader<unknown>> {
    if (pass > this.#reader.pass) {
      const before = this.#reader;
      this.#reader = { pass, opened: this.openSource({ asSeen: true }) };
      await before.opened.then((reader) => reader.close());
    }
    return this.#reader.opened;
  }

  /** Opens the source; `asSeen`: with its files in the order in which they were planned. */
  async openSource({ asSeen }: { readonly asSeen: boolean }): Promise<SourceReader<unknown>> {
    const { source_state } = await this.ledger.read((tx) => jobByNumber(tx, this.job.job_no));
    return portsOf(this.spec, this.params).source.open({
      directory: this.deps.directory,
      ...(asSeen && source_state !== null ? { previous: source_state } : {}),
    });
  }

  /** What steers the run, at most a third of a second old; sets this process's share of concurrency and rate. */
  async look(): Promise<JobLook> {
    if (this.#look && this.deps.now() - this.#look.status.at < LOOK_AGAIN_MS) return this.#look;
    this.#looking ??= this.#lookNow().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  /** A look that is not older than the call. */
  async lookNow(): Promise<JobLook> {
    await this.#looking;
    this.#look = null;
    return this.look();
  }

  async status(): Promise<RunStatus> {
    return (await this.lookNow()).status;
  }

  async #lookNow(): Promise<JobLook> {
    const now = this.deps.now();
    const look = await this.ledger.read((tx) => lookAtJob(tx, this.spec, { jobNo: this.job.job_no, now }));
    const { index, count } = await this.#place(now);
    const { concurrency, rate } = look.job;
    this.slots.setLimit(Math.floor(concurrency / count) + (index < concurrency % count ? 1 : 0));
    this.rate.setRate(rate === null ? null : rate / count);
    this.#look = look;
    return look;
  }

  /** Which of the living worker processes of the job this one is. */
  async #place(now: number): Promise<{ readonly index: number; readonly count: number }> {
    const { store, owner, leaseMs } = this.deps;
    const workers = await store.workersOf(this.spec.name, { now, leaseMs });
    const index = workers.findIndex((lease) => lease.id === owner);
    if (index >= 0) return { index, count: workers.length };
    return { index: workers.length, count: workers.length + 1 };
  }

  /** Living worker processes that have a share of the job's concurrency. */
  async workers(): Promise<number> {
    const { job } = await this.look();
    return Math.min(job.concurrency, (await this.#place(this.deps.now())).count);
  }

  idempotencyKeyOf(work: ItemWork): string {
    const { idempotencyKey } = this.spec;
    if (idempotencyKey) return String(idempotencyKey(work.item, this.params));
    return `${this.job.job_id}/${this.job.generation}/${work.key}`;
  }

  /** Stored results of a task that are older than this, in milliseconds since 1970, are not taken; null: any is. */
  notBefore(task: TaskSpec): number | null {
    const { refresh, asked_at, started_at } = this.#look?.job ?? this.job;
    return refresh === 1 || task.memoize?.refresh === true ? (asked_at ?? started_at) : null;
  }

  logOf(fields: Readonly<Record<string, unknown>>): Log {
    return logWith(this.deps.log, { job: this.job.job_id, ...fields });
  }
}

/** A worker whose file names another source or sink than the run has must not touch it; another worker may. */
function assertSameIdentity(job: JobRow, source: SourcePort<unknown>, sink: AnySinkPort | null): void {
  const now = sinkIdentity(sink);
  if (job.source !== source.identity) {
    throw new HoldfastError('HF_SOURCE_IDENTITY', { id: job.job_id, before: job.source_title, now: source.title });
  }
  if (job.sink !== now.identity) {
    throw new HoldfastError('HF_SINK_IDENTITY', { id: job.job_id, before: job.sink_title, now: now.title });
  }
}

/** The open sessions of a process. One that fails to open is not kept. */
export class JobSessions {
  readonly #deps: Dependencies;
  readonly #open = new Map<string, Promise<JobSession>>();

  constructor(deps: Dependencies) {
    this.#deps = deps;
  }

  async get(run: OpenedRun): Promise<JobSession> {
    const key = `${run.jobId} ${run.generation} ${run.ledger.id}`;
    let session = this.#open.get(key);
    if (!session) {
      session = JobSession.open(this.#deps, run);
      this.#open.set(key, session);
      session.catch(() => this.#open.delete(key));
    }
    return session;
  }

  /** Closes a session: its run ended, or its database was replaced. One that another attempt has opened since stays. */
  async drop(session: JobSession): Promise<void> {
    for (const [key, open] of this.#open) {
      if ((await open.catch(() => null)) === session && this.#open.get(key) === open) this.#open.delete(key);
    }
    await session.close().catch(() => undefined);
  }

  async close(): Promise<void> {
    const all = [...this.#open.values()];
    this.#open.clear();
    await Promise.allSettled(all.map(async (session) => (await session).close()));
  }
}

/** Not the run's ledger of before: its commits went back, or it does not have the run's generation. */
function restored(run: OpenedRun, { database, mark }: Ledger): HoldfastError {
  const { commits: expected } = run.ledger;
  return new HoldfastError('HF_LEDGER_RESTORED', {
    id: run.jobId,
    database: database.url,
    found: mark.commits,
    expected,
  });
}

/** Whether an error means that the session's connection is of no use any more. */
export function spoilsSession(error: unknown): boolean {
  const codes = ['HF_DATABASE_MOVED', 'HF_LEDGER_MOVED', 'HF_LEDGER_RESTORED'] as const;
  return codes.some((code) => isHoldfastError(error, code));
}
