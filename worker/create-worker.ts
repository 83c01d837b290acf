import { hostname } from 'node:os';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import type { Log } from '../activities/dependencies.ts';
import { type TemporalOptions, temporalConfig, unreachable } from '../client/connection.ts';
import { type Duration, durationOr } from '../definitions/duration.ts';
import { type AnyJob, collectJobs } from '../definitions/job.ts';
import { DEFAULTS } from '../definitions/limits.ts';
import { storeUrl } from '../ledger/open-store.ts';
import { createHome, findHome } from '../server/home.ts';
import { taskQueueOf } from '../workflows/messages.ts';
import { recordAttempts } from './attempt-interceptor.ts';
import { standardLog } from './log.ts';
import { Parts } from './parts.ts';
import { type OpenProcess, openProcess, openWorkersStore } from './process.ts';
import { workflowBundle } from './workflow-bundle.ts';

/** Beyond the items' own time to finish, for the last commit and the report. */
const REPORT_MS = 5_000;

export interface WorkerOptions extends TemporalOptions {
  /** The jobs that this process serves, each on a task queue of its own. */
  readonly jobs: readonly AnyJob[];
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
  const jobs = collectJobs(options.jobs);
  const env = process.env;
  const { connection: connectionOptions, namespace } = temporalConfig(options, env);
  const home = createHome(options.home ?? findHome({ env }));
  const directory = options.directory ?? process.cwd();
  const log = options.log ?? standardLog(env);
  const shutdownGraceMs = durationOr(options.shutdownGrace, 'shutdownGrace', DEFAULTS.shutdownGraceMs);
  const heartbeatTimeoutMs = durationOr(options.heartbeatTimeout, 'heartbeatTimeout', DEFAULTS.heartbeatTimeoutMs);
  const parts = new Parts();
  try {
    const store = await openWorkersStore({ home, directory, url: options.store ?? storeUrl(home, env) });
    parts.add(() => store.database.close());
    const { client, native } = await connect(connectionOptions, { namespace, parts });
    const queues = [...jobs.keys()].map(taskQueueOf);
    const place = { jobs, tasks: new Map(), store, home, directory, env, log, client, queues };
    const opened = await openProcess({ ...place, shutdownGraceMs, heartbeatTimeoutMs, seal: null });
    parts.add(() => opened.close());
    const workers = await createWorkers({ queues, native, namespace, opened, shutdownGraceMs });
    await opened.keepSweeping();
    return new RunningWorker({ workers, opened, parts });
  } catch (error) {
    await parts.close();
    throw error;
  }
}

interface Connecting {
  readonly namespace: string;
  readonly parts: Parts;
}

async function connect(options: ReturnType<typeof temporalConfig>['connection'], { namespace, parts }: Connecting) {
  try {
    const connection = await Connection.connect(options);
    parts.add(() => connection.close());
    const native = await NativeConnection.connect(options);
    parts.add(() => native.close());
    return { client: new Client({ connection, namespace }), native };
  } catch (error) {
    throw unreachable(options.address, error);
  }
}

interface WorkerParts {
  readonly queues: readonly string[];
  readonly native: NativeConnection;
  readonly namespace: string;
  readonly opened: OpenProcess;
  readonly shutdownGraceMs: number;
}

async function createWorkers(parts: WorkerParts): Promise<Worker[]> {
  const { queues, native, namespace, opened, shutdownGraceMs } = parts;
  const { activities, owner } = opened;
  const workflowBundleOption = await workflowBundle();
  return Promise.all(
    queues.map((taskQueue) =>
      Worker.create({
        connection: native,
        namespace,
        taskQueue,
        identity: `holdfast ${process.pid}@${hostname()} ${owner.id}`,
        workflowBundle: workflowBundleOption,
        activities,
        interceptors: { activity: [recordAttempts(owner)] },
        // A killed worker's sticky queue keeps the next workflow task for so long.
        stickyQueueScheduleToStartTimeout: '1s',
        maxHeartbeatThrottleInterval: '1s',
        maxCachedWorkflows: 50,
        workflowThreadPoolSize: 1,
        reuseV8Context: true,
        shutdownGraceTime: shutdownGraceMs + REPORT_MS,
      }),
    ),
  );
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
