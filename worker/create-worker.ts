import { hostname } from 'node:os';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { createActivities } from '../activities/create-activities.ts';
import type { Dependencies, Log } from '../activities/dependencies.ts';
import { taskRuntime } from '../activities/nested-task.ts';
import { type TemporalOptions, temporalConfig, unreachable } from '../client/connection.ts';
import { onLongLock } from '../database/long-locks.ts';
import { type Duration, parseDuration } from '../definitions/duration.ts';
import { HoldfastError } from '../definitions/errors.ts';
import { type AnyJob, collectJobs, type JobSpec } from '../definitions/job.ts';
import { DEFAULTS } from '../definitions/limits.ts';
import { installTaskRuntime } from '../definitions/task-runtime.ts';
import { hostOf, isThisMachine, thisMachine } from '../ledger/machine.ts';
import { openStore, storeUrl } from '../ledger/open-store.ts';
import type { Store } from '../ledger/store.ts';
import { createHome, findHome } from '../server/home.ts';
import { taskQueueOf } from '../workflows/messages.ts';
import { recordAttempts } from './attempt-interceptor.ts';
import { killPoints } from './kill-points.ts';
import { keepLease } from './lease.ts';
import { standardLog } from './log.ts';
import { failOrphans } from './orphans.ts';
import { ProcessOwner } from './process-owner.ts';
import { workflowBundle } from './workflow-bundle.ts';
import { boundYoungGeneration } from './young-generation.ts';

const SWEEP_MS = 2_000;
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
  const { address } = connectionOptions;
  const home = createHome(options.home ?? findHome({ env }));
  const directory = options.directory ?? process.cwd();
  const log = options.log ?? standardLog(env);
  const shutdownGraceMs = durationOr(options.shutdownGrace, 'shutdownGrace', DEFAULTS.shutdownGraceMs);
  const heartbeatTimeoutMs = durationOr(options.heartbeatTimeout, 'heartbeatTimeout', DEFAULTS.heartbeatTimeoutMs);
  const parts = new Parts();
  boundYoungGeneration();
  try {
    const store = await openStore({ home, directory, url: options.store ?? storeUrl(home, env) });
    parts.add(() => store.database.close());
    await assertOneMachine(store);
    const { client, native } = await connect(connectionOptions, { namespace, parts });
    const server = { address, namespace };
    const owner = ProcessOwner.create(home, server);
    parts.add(async () => owner.release());
    const names = [...jobs.keys()];
    const lease = { id: owner.id, host: thisMachine(), pid: process.pid, jobs: names, startedAt: Date.now() };
    parts.add(await keepLease(store, lease, log));
    const leaving = new AbortController();
    const deps: Dependencies = {
      jobs,
      store,
      owner: owner.id,
      directory,
      now: Date.now,
      random: Math.random,
      reach: killPoints(env),
      log,
      shutdown: leaving.signal,
      shutdownGraceMs,
      leaseMs: DEFAULTS.leaseMs,
      heartbeatTimeoutMs,
    };
    const { activities, close } = createActivities(deps);
    parts.add(close);
    const unlisten = onLongLock((database) => log.warn(new HoldfastError('HF_DATABASE_LOCKED', { database }).message));
    parts.add(async () => void unlisten());
    const uninstall = installTaskRuntime(taskRuntime);
    parts.add(async () => uninstall());
    const workers = await createWorkers({ jobs, native, namespace, activities, owner, shutdownGraceMs });
    const sweep = { home, client, server, store, jobs: names, log };
    await failOrphans(sweep);
    return new RunningWorker({ workers, leaving, parts, sweep: () => failOrphans(sweep) });
  } catch (error) {
    await parts.close();
    throw error;
  }
}

function durationOr(given: Duration | undefined, option: string, otherwiseMs: number): number {
  return given === undefined ? otherwiseMs : parseDuration(given, option);
}

/** SQLite's locks hold on one machine only: a second one that shares the file, over a network drive, would damage it. */
async function assertOneMachine(store: Store): Promise<void> {
  if (store.database.dialect !== 'sqlite') return;
  const other = (await store.workers({ now: Date.now(), leaseMs: DEFAULTS.leaseMs })).find(
    ({ host }) => !isThisMachine(host),
  );
  if (!other) return;
  throw new HoldfastError('HF_DATABASE_OTHER_HOST', { database: store.database.url, host: hostOf(other.host) });
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
  readonly jobs: ReadonlyMap<string, JobSpec>;
  readonly native: NativeConnection;
  readonly namespace: string;
  readonly activities: object;
  readonly owner: ProcessOwner;
  readonly shutdownGraceMs: number;
}

async function createWorkers({
  jobs,
  native,
  namespace,
  activities,
  owner,
  shutdownGraceMs,
}: WorkerParts): Promise<Worker[]> {
  const workflowBundleOption = await workflowBundle();
  return Promise.all(
    [...jobs.keys()].map((name) =>
      Worker.create({
        connection: native,
        namespace,
        taskQueue: taskQueueOf(name),
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

/** What must be closed, last opened first. */
class Parts {
  readonly #closers: (() => Promise<void>)[] = [];

  add(close: () => Promise<void>): void {
    this.#closers.push(close);
  }

  async close(): Promise<void> {
    for (let close = this.#closers.pop(); close; close = this.#closers.pop()) await close().catch(() => undefined);
  }
}

class RunningWorker implements HoldfastWorker {
  readonly #parts: {
    readonly workers: readonly Worker[];
    readonly leaving: AbortController;
    readonly parts: Parts;
    readonly sweep: () => Promise<number>;
  };

  constructor(parts: {
    readonly workers: readonly Worker[];
    readonly leaving: AbortController;
    readonly parts: Parts;
    readonly sweep: () => Promise<number>;
  }) {
    this.#parts = parts;
  }

  async run(): Promise<void> {
    const { workers, leaving, parts, sweep } = this.#parts;
    let sweeping: Promise<unknown> = Promise.resolve();
    const timer = setInterval(() => {
      sweeping = sweeping.then(sweep).catch(() => undefined);
    }, SWEEP_MS);
    try {
      const runs = workers.map((worker) => worker.run());
      // One that fails takes the others down: half a process is no use.
      await Promise.all(runs).catch(async (error) => {
        leaving.abort();
        for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
        await Promise.allSettled(runs);
        throw error;
      });
    } finally {
      clearInterval(timer);
      await sweeping;
      await parts.close();
    }
  }

  shutdown(): void {
    const { workers, leaving } = this.#parts;
    leaving.abort();
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  }
}
