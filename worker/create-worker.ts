import { Client, Connection } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import { NativeConnection, type Worker } from '@temporalio/worker';
import type { Log } from '../activities/dependencies.ts';
import { findTemporal, type TemporalConfig, type TemporalOptions, unreachable } from '../client/connection.ts';
import { type Duration, durationOr } from '../definitions/duration.ts';
import { HoldfastError } from '../definitions/errors.ts';
import { type AnyJob, collectJobs } from '../definitions/job.ts';
import { DEFAULTS } from '../definitions/limits.ts';
import { storeUrl } from '../ledger/open-store.ts';
import { createHome, findHome } from '../server/home.ts';
import { standardLog } from './log.ts';
import { createOwnWorkers, queuesOf } from './own-workers.ts';
import { Parts } from './parts.ts';
import { type OpenProcess, openProcess, openWorkersStore } from './process.ts';
import { servedTasks } from './served.ts';
import { boundYoungGeneration } from './young-generation.ts';

export interface WorkerOptions extends TemporalOptions {
  /** The jobs that this process serves, each on a task queue of its own. @default none */
  readonly jobs?: readonly AnyJob[];
  /**
   * The tasks that this process serves for `runTask` and for workflows elsewhere, each on a task queue of its own: a module, an
   * object or an array of them. @default none
   */
  readonly tasks?: object;
  /** Relative paths of sources and sinks are relative to this. @default the working directory */
  readonly directory?: string;
  /** Where embedded files are kept. @default HOLDFAST_HOME, else `.holdfast/` beside the nearest package.json */
  readonly home?: string;
  /** The store's URL. @default HOLDFAST_STORE, else a SQLite file in the home */
  readonly store?: string;
  /** What items in flight get to finish when the process is asked to stop. @default '10s' */
  readonly shutdownGrace?: Duration;
  /**
   * Without a sign of life for so long, an attempt on another machine is given up and begun anew. The worker that opens a job
   * sets it for the job's run. @default '30s'
   */
  readonly heartbeatTimeout?: Duration;
  /** Where the log goes. @default lines on stderr */
  readonly log?: Log;
}

/** A worker process's part in its jobs. */
export interface HoldfastWorker {
  /** Works until `shutdown`; rejects when Temporal refuses it for good. Call it once. */
  run(): Promise<void>;
  /** Takes nothing new, lets items in flight finish for `shutdownGrace`, and ends `run`. */
  shutdown(): void;
}

/**
 * Makes a worker for jobs: connects, opens the store, and takes over what dead processes of this machine have left.
 *
 * Errors: HF_SERVER_UNREACHABLE, HF_JOB_NAME_TWICE, and those of the store's database.
 *
 * @example
 * const worker = await createWorker({ jobs: [enrich] });
 * process.once('SIGTERM', () => worker.shutdown());
 * await worker.run();
 */
export async function createWorker(options: WorkerOptions): Promise<HoldfastWorker> {
  const jobs = collectJobs(options.jobs ?? []);
  const tasks = servedTasks(options.tasks, 'a worker');
  if (jobs.size + tasks.size === 0) throw nothingToServe();
  const { dataConverter } = options;
  const env = process.env;
  const home = createHome(options.home ?? findHome({ env }));
  const { connection: connectionOptions, namespace } = await findTemporal(options, home, env);
  const directory = options.directory ?? process.cwd();
  const log = options.log ?? standardLog(env);
  const shutdownGraceMs = durationOr(options.shutdownGrace, 'shutdownGrace', DEFAULTS.shutdownGraceMs);
  const heartbeatTimeoutMs = durationOr(options.heartbeatTimeout, 'heartbeatTimeout', DEFAULTS.heartbeatTimeoutMs);
  const parts = new Parts();
  boundYoungGeneration();
  try {
    const store = await openWorkersStore({ home, directory, url: options.store ?? storeUrl(home, env) });
    parts.add(() => store.database.close());
    const { client, native } = await connect(connectionOptions, { namespace, parts, dataConverter });
    const served = { jobs: [...jobs.keys()], tasks: [...tasks.keys()] };
    const opened = await openProcess({
      jobs,
      tasks,
      store,
      home,
      directory,
      env,
      log,
      client,
      queues: queuesOf(served),
      shutdownGraceMs,
      heartbeatTimeoutMs,
      dataConverter: client.options.loadedDataConverter,
    });
    parts.add(() => opened.close());
    const workers = await createOwnWorkers(served, { native, namespace, opened, shutdownGraceMs, dataConverter });
    await opened.keepSweeping();
    return new RunningWorker({ workers, opened, parts });
  } catch (error) {
    await parts.close();
    throw error;
  }
}

function nothingToServe(): HoldfastError {
  const problem = 'give jobs or tasks that it serves';
  return new HoldfastError('HF_DEFINITION_INVALID', { what: 'a worker', option: 'jobs', value: 'empty', problem });
}

interface Connecting {
  readonly namespace: string;
  readonly parts: Parts;
  readonly dataConverter: DataConverter | undefined;
}

async function connect(options: TemporalConfig['connection'], { namespace, parts, dataConverter }: Connecting) {
  try {
    const connection = await Connection.connect(options);
    parts.add(() => connection.close());
    const native = await NativeConnection.connect(options);
    parts.add(() => native.close());
    const client = new Client({ connection, namespace, ...(dataConverter === undefined ? {} : { dataConverter }) });
    return { client, native };
  } catch (error) {
    throw unreachable(options.address, error);
  }
}

interface RunningParts {
  readonly workers: readonly Worker[];
  readonly opened: OpenProcess;
  readonly parts: Parts;
}

class RunningWorker implements HoldfastWorker {
  readonly #parts: RunningParts;

  constructor(parts: RunningParts) {
    this.#parts = parts;
  }

  async run(): Promise<void> {
    const { workers, parts } = this.#parts;
    try {
      const runs = workers.map((worker) => worker.run());
      // One that fails takes the others down: half a process is no use.
      await Promise.all(runs).catch(async (error) => {
        this.shutdown();
        await Promise.allSettled(runs);
        throw error;
      });
    } finally {
      await parts.close();
    }
  }

  shutdown(): void {
    const { workers, opened } = this.#parts;
    opened.leave();
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  }
}
