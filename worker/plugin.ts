import type { ClientPlugin, ConnectionPlugin } from '@temporalio/client';
import type {
  NativeConnectionPlugin,
  WorkerOptions as TemporalWorkerOptions,
  Worker,
  WorkerPlugin,
} from '@temporalio/worker';
import type { Log } from '../activities/dependencies.ts';
import { checkOptions, type OptionsOf } from '../definitions/check-options.ts';
import { type Duration, durationOr } from '../definitions/duration.ts';
import { DEFAULTS } from '../definitions/limits.ts';
import { type MemoizeActivities, normalizeActivities } from './memoized-activities.ts';
import { PluggedWorker, type PluginPart } from './plugged-worker.ts';
import { servedJobs, servedTasks } from './served.ts';
import { RegisteredActivities } from './unregistered-activities.ts';

export interface PluginOptions {
  /**
   * The tasks that the worker serves: a module (`import * as tasks`), an object or an array of them. What else a module exports is
   * left alone. @default none
   */
  readonly tasks?: object;
  /** The jobs that the worker serves, for `runJob` in workflows: a module, an object or an array of them. @default none */
  readonly jobs?: object;
  /**
   * Activities that are no tasks and whose results are stored and taken again, by activity type:
   * `{ fetchUser: { expires: '1 hour' } }`. @default none
   */
  readonly memoizeActivities?: MemoizeActivities;
  /** Relative paths of sources, sinks and databases are relative to this. @default the working directory */
  readonly directory?: string;
  /** Where embedded files are kept. @default HOLDFAST_HOME, else `.holdfast/` beside the nearest package.json */
  readonly home?: string;
  /** The store's URL. @default HOLDFAST_STORE, else a SQLite file in the home */
  readonly store?: string;
  /** What tasks and items in flight get to end in order when the worker is told to stop. @default '10s' */
  readonly shutdownGrace?: Duration;
  /** Without a sign of life for so long, a job's attempt on another machine is given up and begun anew. @default '30s' */
  readonly heartbeatTimeout?: Duration;
  /** Where the log goes. @default the logger of Temporal's `Runtime` */
  readonly log?: Log;
}

const known: OptionsOf<PluginOptions> = {
  tasks: 'any',
  jobs: 'any',
  memoizeActivities: 'object',
  directory: 'string',
  home: 'string',
  store: 'string',
  shutdownGrace: 'duration',
  heartbeatTimeout: 'duration',
  log: 'object',
};

/**
 * Holdfast for workers of your own: registers an activity for each task, and those that jobs need, and memoizes activities. Your own
 * activities, interceptors and data converter stay as they are, and payload codecs apply to what is stored. It may be given
 * to connection, client and worker at once. Nothing is opened until the worker runs.
 *
 * Errors: HF_DEFINITION_INVALID, HF_DURATION_INVALID, HF_TASK_NAME_TWICE, HF_JOB_NAME_TWICE; of `Worker.create` HF_ACTIVITY_NAME; of the
 * worker's `run` those of the store's database.
 *
 * @example
 * import * as tasks from './tasks.ts';
 * const worker = await Worker.create({
 *   taskQueue: 'orders', workflowsPath, activities, plugins: [new HoldfastPlugin({ tasks, jobs: [enrich] })],
 * });
 */
export class HoldfastPlugin implements ConnectionPlugin, NativeConnectionPlugin, ClientPlugin, WorkerPlugin {
  readonly #part: PluginPart;

  constructor(options: PluginOptions = {}) {
    checkOptions({ what: 'HoldfastPlugin' }, options, known);
    const { tasks, jobs, memoizeActivities, directory, home, store, log, shutdownGrace, heartbeatTimeout } = options;
    this.#part = {
      tasks: servedTasks(tasks, 'HoldfastPlugin'),
      jobs: servedJobs(jobs, 'HoldfastPlugin'),
      memoized: normalizeActivities(memoizeActivities ?? {}),
      registered: new RegisteredActivities(),
      directory,
      home,
      store,
      log,
      shutdownGraceMs: durationOr(shutdownGrace, 'shutdownGrace', DEFAULTS.shutdownGraceMs),
      heartbeatTimeoutMs: durationOr(heartbeatTimeout, 'heartbeatTimeout', DEFAULTS.heartbeatTimeoutMs),
    };
  }

  get name(): string {
    return 'holdfast';
  }

  configureWorker(options: TemporalWorkerOptions): TemporalWorkerOptions {
    return PluggedWorker.configure(options, this.#part);
  }

  runWorker(worker: Worker, next: (worker: Worker) => Promise<void>): Promise<void> {
    const { interceptors, activities } = worker.options;
    const plugged = PluggedWorker.of(interceptors.activity, activities.values());
    return plugged === null ? next(worker) : plugged.run(worker, next);
  }
}
