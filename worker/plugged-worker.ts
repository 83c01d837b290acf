import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Context } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import type { ActivityInterceptorsFactory, Worker, WorkerOptions } from '@temporalio/worker';
import type { Activities } from '../activities/create-activities.ts';
import type { Log } from '../activities/dependencies.ts';
import { HoldfastError } from '../definitions/errors.ts';
import type { JobSpec } from '../definitions/job.ts';
import { isTask, type TaskSpec, taskSpecOf } from '../definitions/task.ts';
import { storeUrl } from '../ledger/open-store.ts';
import type { MemoTask } from '../memoization/memoization.ts';
import { createHome, findHome } from '../server/home.ts';
import { runMemoized, withConverter } from './memoized-activities.ts';
import { Parts } from './parts.ts';
import { type OpenProcess, openProcess, openWorkersStore } from './process.ts';
import { runtimeLog } from './runtime-log.ts';
import type { RegisteredActivities } from './unregistered-activities.ts';

const LOOK_MS = 200;

/** What one plugin asks for. */
export interface PluginPart {
  readonly tasks: ReadonlyMap<string, TaskSpec>;
  readonly jobs: ReadonlyMap<string, JobSpec>;
  readonly memoized: ReadonlyMap<string, MemoTask>;
  readonly registered: RegisteredActivities;
  readonly directory: string | undefined;
  readonly home: string | undefined;
  readonly store: string | undefined;
  readonly log: Log | undefined;
  readonly shutdownGraceMs: number;
  readonly heartbeatTimeoutMs: number;
}

const JOB_ACTIVITIES: Readonly<Record<keyof Activities, true>> = {
  holdfastIdentifyJob: true,
  holdfastOpenJob: true,
  holdfastPlanChunks: true,
  holdfastRunChunk: true,
  holdfastCloseJob: true,
};

type AnyActivity = (...args: unknown[]) => Promise<unknown>;

/**
 * By what a Worker's options carry through all hooks: the interceptor and the activities that it was given. By both, because a plugin
 * behind this one may drop interceptors (the SDK's own SimplePlugin does).
 */
const plugged = new WeakMap<object, PluggedWorker>();

/**
 * One Worker of a user's, and all that plugins add to it: one, whether the plugin was given to its connection, to the Worker or to
 * both, and however often the SDK asks it.
 */
export class PluggedWorker {
  readonly #parts = new Set<PluginPart>();
  readonly #own = new WeakSet<object>();
  readonly #id = randomUUID();
  readonly #interceptor: ActivityInterceptorsFactory;
  readonly #memoized = new Map<string, MemoTask>();
  /** The same, with the Worker's own form of values. */
  #formed: ReadonlyMap<string, MemoTask> = new Map();
  /** While the Worker runs. */
  #process: Promise<OpenProcess> | null = null;

  private constructor() {
    this.#interceptor = (context) => ({
      inbound: { execute: (input, next) => this.#execute(context, input.args, () => next(input)) },
    });
    plugged.set(this.#interceptor, this);
  }

  /** Adds a plugin's part to a Worker's options, once. Errors: HF_ACTIVITY_NAME, HF_TASK_NAME_TWICE, HF_JOB_NAME_TWICE. */
  static configure(options: WorkerOptions, part: PluginPart): WorkerOptions {
    const known = PluggedWorker.of(options.interceptors?.activity ?? [], Object.values(options.activities ?? {}));
    if (known) return known.#add(options, part);
    const added = new PluggedWorker();
    const { activity = [], ...interceptors } = options.interceptors ?? {};
    const attempts: ActivityInterceptorsFactory = (context) => ({
      inbound: { execute: (input, next) => added.#recorded(context, () => next(input)) },
    });
    return added.#add(
      {
        identity: `${process.pid}@${hostname()} holdfast ${added.#id}`,
        // How soon a cancelled task is told: by default only after most of its heartbeat timeout.
        maxHeartbeatThrottleInterval: '5s',
        // A killed worker's sticky queue keeps the next workflow task for so long.
        stickyQueueScheduleToStartTimeout: '1s',
        ...options,
        // Around the activity itself: the user's own interceptors see hits, too, and what they make of the input decides.
        interceptors: { ...interceptors, activity: [attempts, ...activity, added.#interceptor] },
      },
      part,
    );
  }

  static of(...carriers: readonly Iterable<unknown>[]): PluggedWorker | null {
    for (const carrier of carriers) {
      for (const one of carrier) {
        const found = typeof one === 'function' ? plugged.get(one) : undefined;
        if (found) return found;
      }
    }
    return null;
  }

  #add(options: WorkerOptions, part: PluginPart): WorkerOptions {
    if (this.#parts.has(part)) return options;
    this.#parts.add(part);
    part.registered.add(options.activities);
    for (const [name, task] of part.memoized) this.#memoized.set(name, task);
    const activities: Record<string, unknown> = { ...options.activities };
    const register = (name: string, what: string) => {
      const taken = activities[name];
      const isOwn = typeof taken === 'function' && (this.#own.has(taken) || this.#isTaskNamed(taken, name));
      if (taken !== undefined && !isOwn) throw new HoldfastError('HF_ACTIVITY_NAME', { activity: name, what });
      const activity: AnyActivity = (...args) => this.#activity(name, args);
      this.#own.add(activity);
      plugged.set(activity, this);
      activities[name] = activity;
    };
    for (const name of this.#memoized.keys()) this.#assertPlain(name);
    for (const name of this.#tasks().keys()) register(name, `task ${name}`);
    if (this.#jobs().size > 0) for (const name of Object.keys(JOB_ACTIVITIES)) register(name, 'one of Holdfast');
    return { ...options, activities };
  }

  /** A task says itself whether it is memoized. */
  #assertPlain(name: string): void {
    if (!this.#tasks().has(name) && !(name in JOB_ACTIVITIES)) return;
    const problem = this.#tasks().has(name)
      ? 'it is a task: give memoize to defineTask'
      : "it is one of Holdfast's own";
    const option = `memoizeActivities.${name}`;
    throw new HoldfastError('HF_DEFINITION_INVALID', { what: 'HoldfastPlugin', option, value: 'given', problem });
  }

  /** A task that is listed among the activities, too. */
  #isTaskNamed(activity: object, name: string): boolean {
    return isTask(activity) && taskSpecOf(activity) === this.#tasks().get(name);
  }

  #tasks(): ReadonlyMap<string, TaskSpec> {
    return union(this.#parts, 'tasks', (task) => new HoldfastError('HF_TASK_NAME_TWICE', { task }));
  }

  #jobs(): ReadonlyMap<string, JobSpec> {
    return union(this.#parts, 'jobs', (job) => new HoldfastError('HF_JOB_NAME_TWICE', { job }));
  }

  /**
   * Opens what the Worker needs, lets it run to its end, and closes it again. A second plugin's hook finds it done. The Worker runs
   * at once, so that it can be told to stop at once: activities wait for what is being opened.
   */
  async run(worker: Worker, next: (worker: Worker) => Promise<void>): Promise<void> {
    if (this.#process !== null || this.#isIdle()) return next(worker);
    this.#formed = withConverter(this.#memoized, worker.options.loadedDataConverter.payloadConverter);
    this.#warn(worker);
    const parts = new Parts();
    const opening = this.#open(worker, parts);
    this.#process = opening;
    opening.catch(() => {
      if (worker.getState() === 'RUNNING') worker.shutdown();
    });
    try {
      await next(worker);
    } finally {
      // What went wrong with opening is what is to be said.
      await opening.finally(() => parts.close());
      this.#process = null;
    }
  }

  #warn(worker: Worker): void {
    const { activities } = worker.options;
    const isAnyUsers = [...activities.values()].some((activity) => !this.#own.has(activity));
    // One that has none of the user's activities runs workflows, or tasks alone.
    if (!isAnyUsers) return;
    const log = this.#place().log ?? runtimeLog();
    for (const part of this.#parts) part.registered.warnOfMissing(part.memoized.keys(), activities, log);
  }

  #isIdle(): boolean {
    return this.#tasks().size + this.#jobs().size + this.#memoized.size === 0;
  }

  async #open(worker: Worker, parts: Parts): Promise<OpenProcess> {
    const tasks = this.#tasks();
    const jobs = this.#jobs();
    const env = process.env;
    const [first] = this.#parts as unknown as Iterable<PluginPart>;
    const { shutdownGraceMs, heartbeatTimeoutMs } = first as PluginPart;
    const place = this.#place();
    const { loadedDataConverter, taskQueue } = worker.options;
    const home = createHome(place.home ?? findHome({ env }));
    const directory = place.directory ?? process.cwd();
    const store = await openWorkersStore({ home, directory, url: place.store ?? storeUrl(home, env) });
    parts.add(() => store.database.close());
    const opened = await openProcess({
      jobs,
      tasks,
      store,
      home,
      directory,
      env,
      log: place.log ?? runtimeLog(),
      client: worker.client as NonNullable<Worker['client']>,
      owner: this.#id,
      queues: [taskQueue],
      shutdownGraceMs,
      heartbeatTimeoutMs,
      dataConverter: loadedDataConverter,
    });
    parts.add(() => opened.close());
    await opened.keepSweeping();
    parts.add(leaveInTime(worker, opened));
    return opened;
  }

  /** Of several plugins the first that says where. */
  #place(): Pick<PluginPart, 'directory' | 'home' | 'store' | 'log'> {
    const given = <K extends 'directory' | 'home' | 'store' | 'log'>(name: K) =>
      [...this.#parts].find((part) => part[name] !== undefined)?.[name];
    return { directory: given('directory'), home: given('home'), store: given('store'), log: given('log') };
  }

  async #activity(name: string, args: unknown[]): Promise<unknown> {
    const { activities, taskActivities } = await this.#opened();
    const activity = (taskActivities[name] ?? activities[name as keyof Activities]) as AnyActivity;
    return activity(...args);
  }

  /** Where opening failed, the Worker is on its way out: another one is to try. */
  async #opened(): Promise<OpenProcess> {
    try {
      if (this.#process) return await this.#process;
    } catch (cause) {
      throw ApplicationFailure.create({
        type: 'HF_PROCESS_LEAVES',
        message: `the worker cannot work: ${cause}`,
        nextRetryDelay: '1s',
        category: ApplicationFailureCategory.BENIGN,
      });
    }
    throw new Error("the plugin's runWorker was not called: the SDK is another one than this version knows");
  }

  /** So that others can give the attempt back should this process die. The user's own activities are theirs. */
  async #recorded({ info }: Context, run: () => Promise<unknown>): Promise<unknown> {
    const isOwn = this.#tasks().has(info.activityType) || info.activityType in JOB_ACTIVITIES;
    if (!isOwn || info.isLocal) return run();
    const { owner } = await this.#opened();
    owner.began(info.taskToken);
    try {
      return await run();
    } finally {
      owner.ended(info.taskToken, Date.now());
    }
  }

  async #execute(context: Context, args: readonly unknown[], compute: () => Promise<unknown>): Promise<unknown> {
    const task = this.#formed.get(context.info.activityType);
    if (!task) return compute();
    const { deps } = await this.#opened();
    return runMemoized({ task, memo: deps.memo, context, args, compute });
  }
}

function union<K extends 'tasks' | 'jobs'>(
  parts: Iterable<PluginPart>,
  kind: K,
  twice: (name: string) => HoldfastError,
): PluginPart[K] {
  const all = new Map<string, JobSpec | TaskSpec>();
  for (const part of parts) {
    for (const [name, spec] of part[kind]) {
      if ((all.get(name) ?? spec) !== spec) throw twice(name);
      all.set(name, spec);
    }
  }
  return all as PluginPart[K];
}

/** Tells activities when the Worker is told to stop: the SDK itself tells them only after its grace. */
function leaveInTime(worker: Worker, opened: OpenProcess): () => Promise<void> {
  const look = setInterval(() => {
    const state = worker.getState();
    if (state !== 'INITIALIZED' && state !== 'RUNNING') opened.leave();
  }, LOOK_MS);
  return async () => clearInterval(look);
}
