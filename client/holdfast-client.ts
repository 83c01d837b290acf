import { isHoldfastError } from '../definitions/errors.ts';
import { type AnyJob, isJob, jobSpecOf } from '../definitions/job.ts';
import { canonicalText, checkJobId, jobIdOf } from '../definitions/job-id.ts';
import { parseParams } from '../definitions/params.ts';
import type { AnyTask, Task } from '../definitions/task.ts';
import { goOnWithRun } from '../ledger/jobs.ts';
import { thisMachine } from '../ledger/machine.ts';
import { storeUrl } from '../ledger/open-store.ts';
import type { RegistryRow } from '../ledger/store.ts';
import { findHome } from '../server/home.ts';
import { assertStartable } from './check-start.ts';
import type { TemporalOptions } from './connection.ts';
import { JobHandle } from './job-handle.ts';
import { JobRecords } from './job-records.ts';
import { type RunTaskOptions, runTask, type TaskInputOf, type TaskResultOf } from './run-task.ts';
import type { Summary } from './summary.ts';
import { TemporalLink } from './temporal-link.ts';

export interface ClientOptions extends Omit<TemporalOptions, 'address'> {
  /**
   * Host and port of Temporal. Null: there is no server now, and only the ledger is asked.
   * @default TEMPORAL_ADDRESS, else the profile's, else the embedded server's if it runs, else localhost:7233
   */
  readonly address?: string | null;
  /** Where embedded files are kept. @default HOLDFAST_HOME, else `.holdfast/` beside the nearest package.json */
  readonly home?: string;
  /** The store's URL. @default HOLDFAST_STORE, else a SQLite file in the home */
  readonly store?: string;
  /** Relative paths of databases are relative to this. @default the working directory */
  readonly directory?: string;
}

/** What a job is started with. */
export type ParamsOf<J> = J extends { readonly types?: { readonly params: infer P } }
  ? P
  : Readonly<Record<string, unknown>>;

export interface StartOptions<J> {
  /** Those with a default may be left out where the job itself is given. */
  readonly params?: Partial<ParamsOf<J>>;
  /** The job's id. @default what the job's `id` says, else its name and a short hash of its params */
  readonly id?: string;
  /** Begin the next generation, if the present one is complete; else it is continued. @default false */
  readonly again?: boolean;
  /** Take no memoized result that is older than this run: compute anew, and store. @default false */
  readonly refresh?: boolean;
  /** Take only the first so many items. @default all */
  readonly limit?: number;
  /** Where a Worker of yours with the plugin works. @default the queue of Holdfast's own workers for the job */
  readonly taskQueue?: string;
}

/** A handle, with what starting found. */
export interface StartedJob<J extends AnyJob> {
  readonly handle: JobHandle<J>;
  /** It was open already. */
  readonly attached: boolean;
  /** It was open, and no other worker was left of it: this goes on where a kill had stopped it. */
  readonly interrupted: boolean;
}

export interface JobList {
  /** Newest first. */
  readonly jobs: readonly Summary[];
  /** Jobs that are known, but whose ledger cannot be read now. */
  readonly unreadable: readonly {
    readonly jobId: string;
    readonly job: string;
    readonly ledger: string;
    readonly error: Error;
  }[];
}

/**
 * Starts jobs, and watches and steers them from any process. Opens the store and connects to Temporal only for what needs them:
 * everything but starting answers from the ledger.
 *
 * @example
 * import type enrich from './enrich.ts';
 * const client = new HoldfastClient();
 * const handle = await client.start<typeof enrich>('enrich-orders', { params: { file: 'orders.csv' } });
 * console.log((await handle.result()).state);
 * await client.close();
 */
export class HoldfastClient implements AsyncDisposable {
  readonly #records: JobRecords;
  readonly #temporal: TemporalLink;

  constructor(options: ClientOptions = {}) {
    const { address, namespace, dataConverter, directory = process.cwd() } = options;
    const home = options.home ?? findHome({ cwd: directory });
    this.#records = new JobRecords({ home, directory, storeUrl: options.store ?? storeUrl(home, process.env) });
    this.#temporal = new TemporalLink({
      home,
      ...(address === undefined ? {} : { address }),
      ...(namespace === undefined ? {} : { namespace }),
      ...(dataConverter === undefined ? {} : { dataConverter }),
    });
  }

  /** A client that is connected already. Errors: HF_SERVER_UNREACHABLE. */
  static async connect(options: ClientOptions = {}): Promise<HoldfastClient> {
    const client = new HoldfastClient(options);
    await client.reach();
    return client;
  }

  /** @internal Connects now. Errors: HF_SERVER_UNREACHABLE. */
  async reach(): Promise<void> {
    await this.#temporal.client();
  }

  /**
   * Starts a job, continues one that stopped short, or attaches to one that is open. Give the job itself, or its name with its
   * type: then its file need not be loaded here, but defaults of params and the job's own `id` are not known here either, so give
   * all params, and `id` where the job makes its own.
   *
   * Errors: HF_SERVER_UNREACHABLE, HF_PARAM_UNKNOWN, HF_PARAM_MISSING, HF_PARAM_INVALID, HF_PARAMS_DIFFER, HF_JOB_OF_OTHER_NAME,
   * HF_OPTION_INVALID. What only a worker can find out (a missing source) comes from the handle's `result`.
   */
  async start<J extends AnyJob>(job: J, options?: StartOptions<J>): Promise<JobHandle<J>>;
  async start<J extends AnyJob = AnyJob>(name: J['name'], options?: StartOptions<J>): Promise<JobHandle<J>>;
  async start<J extends AnyJob>(job: J | string, options: StartOptions<J> = {}): Promise<JobHandle<J>> {
    return (await this.startOrAttach(job, options)).handle;
  }

  /** @internal As `start`, and tells whether the job was open already. */
  async startOrAttach<J extends AnyJob>(job: J | string, options: StartOptions<J> = {}): Promise<StartedJob<J>> {
    const { name, id, params } = identify(job, options);
    await assertStartable(this.#records, { id, name, params });
    const { again = false, refresh = false, limit = null, taskQueue } = options;
    const input = { jobId: id, name, params, again, limit, ...(refresh ? { refresh } : {}) };
    const { attached, runId } = await this.#temporal.start(input, taskQueue === undefined ? {} : { taskQueue });
    const interrupted = attached && (await this.#goOnAlone(id, name));
    return { handle: this.#handle<J>(id, runId), attached, interrupted };
  }

  /** Where only this process is left to work on an open job, its run counts from here. */
  async #goOnAlone(id: string, name: string): Promise<boolean> {
    const others = (await this.#records.workersOf(name)).filter(
      (lease) => lease.host !== thisMachine() || lease.pid !== process.pid,
    );
    if (others.length > 0 || (await this.#records.entry(id)) === null) return false;
    return this.#records.write(id, async (tx, job) => {
      if (job.state !== 'running') return false;
      await goOnWithRun(tx, job.job_no, Date.now());
      return true;
    });
  }

  /** The handle of a job that was started before. Its first question fails with HF_JOB_UNKNOWN where there is none. */
  job<J extends AnyJob = AnyJob>(id: string): JobHandle<J> {
    return this.#handle<J>(id);
  }

  /**
   * Runs one task with no workflow of yours, on a worker that has it (`createWorker`, `holdfast worker`; with `taskQueue` a Worker of
   * yours with the plugin), and gives its result: memoized, timed out and retried as the task says. Give the task itself, or its
   * name with its type: then its file need not be loaded here. Waits until such a worker runs.
   *
   * Errors: HF_SERVER_UNREACHABLE, HF_TASK_FAILED, HF_OPTION_INVALID, HF_RESULT_NOT_STORABLE (for an input that cannot be sent).
   *
   * @example
   * const sum = await client.runTask<typeof add>('add', { x: 1, y: 2 });
   */
  async runTask<T extends AnyTask>(task: T, input: TaskInputOf<T>, options?: RunTaskOptions): Promise<TaskResultOf<T>>;
  async runTask<T extends AnyTask = Task<string, unknown, unknown>>(
    name: T['name'],
    input: TaskInputOf<T>,
    options?: RunTaskOptions,
  ): Promise<TaskResultOf<T>>;
  async runTask<T extends AnyTask>(
    task: T | string,
    input: TaskInputOf<T>,
    options: RunTaskOptions = {},
  ): Promise<TaskResultOf<T>> {
    return (await runTask(this.#temporal, { task, input }, options)) as TaskResultOf<T>;
  }

  /** Where the store is. */
  get storeUrl(): string {
    return this.#records.place.storeUrl;
  }

  /** Every job that the store knows. */
  async list(): Promise<JobList> {
    const jobs: Summary[] = [];
    const unreadable: JobList['unreadable'][number][] = [];
    for (const entry of await this.#records.entries()) {
      const found = await this.#listed(entry);
      if ('jobId' in found && 'ledger' in found) unreadable.push(found);
      else jobs.push(found);
    }
    return { jobs, unreadable };
  }

  /** Closes what is open. */
  async close(): Promise<void> {
    await Promise.all([this.#records.close(), this.#temporal.close()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #listed(entry: RegistryRow): Promise<Summary | JobList['unreadable'][number]> {
    try {
      return await this.#handle(entry.job_id).progress();
    } catch (error) {
      if (!isHoldfastError(error)) throw error;
      return { jobId: entry.job_id, job: entry.name, ledger: entry.ledger_url, error };
    }
  }

  #handle<J extends AnyJob>(id: string, runId?: string): JobHandle<J> {
    const parts = { id, records: this.#records, temporal: this.#temporal };
    return new JobHandle<J>(runId === undefined ? parts : { ...parts, runId });
  }
}

interface Identity {
  readonly name: string;
  readonly id: string;
  /** Canonical JSON. */
  readonly params: string;
}

/** Name, id and params of a start. Errors: those of params, HF_OPTION_INVALID. */
export function identify<J>(
  job: J | string,
  { params: given = {}, id }: Pick<StartOptions<J>, 'params' | 'id'>,
): Identity {
  const spec = isJob(job) ? jobSpecOf(job) : null;
  const name = spec?.name ?? String(job);
  const params = spec ? parseParams(spec.params, given, 'values') : (given as Readonly<Record<string, unknown>>);
  const jobId = id === undefined ? jobIdOf({ name, id: spec?.id ?? null }, params) : checkJobId(id);
  return { name, id: jobId, params: canonicalText(params) };
}
