import type { Client } from '@temporalio/client';
import type { LoadedDataConverter } from '@temporalio/common';
import { type Activities, createActivities } from '../activities/create-activities.ts';
import type { Dependencies, Log } from '../activities/dependencies.ts';
import { taskRuntime } from '../activities/nested-task.ts';
import { createTaskActivities, type TaskActivity } from '../activities/run-task.ts';
import { onLongLock } from '../database/long-locks.ts';
import { HoldfastError } from '../definitions/errors.ts';
import type { JobSpec } from '../definitions/job.ts';
import { DEFAULTS } from '../definitions/limits.ts';
import type { TaskSpec } from '../definitions/task.ts';
import { installTaskRuntime } from '../definitions/task-runtime.ts';
import { hostOf, isThisMachine, thisMachine } from '../ledger/machine.ts';
import { openStore, resultsFolder } from '../ledger/open-store.ts';
import type { Store } from '../ledger/store.ts';
import type { Seal } from '../memoization/memoization.ts';
import { openMemoization } from '../memoization/open-memoization.ts';
import { RecordedTransactions } from '../sinks/recorded-transactions.ts';
import { killPoints } from './kill-points.ts';
import { keepLease } from './lease.ts';
import { livingOwners } from './living-owners.ts';
import { failOrphans } from './orphans.ts';
import { outgoingOf } from './outgoing.ts';
import { Parts } from './parts.ts';
import { sealOf } from './payload-bytes.ts';
import { ProcessOwner } from './process-owner.ts';
import { serverFactsOf } from './server-facts.ts';

const SWEEP_MS = 2_000;

export interface StorePlace {
  /** Where embedded files are kept. */
  readonly home: string;
  /** Relative paths of sources, sinks and databases are relative to this. */
  readonly directory: string;
  /** The store's URL. */
  readonly url: string;
}

/** Opens the store of a worker. Errors: HF_DATABASE_OTHER_HOST, and those of its database. */
export async function openWorkersStore(place: StorePlace): Promise<Store> {
  const store = await openStore(place);
  try {
    await assertOneMachine(store);
    return store;
  } catch (error) {
    await store.database.close();
    throw error;
  }
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

export interface ProcessOptions {
  readonly jobs: ReadonlyMap<string, JobSpec>;
  readonly tasks: ReadonlyMap<string, TaskSpec>;
  readonly store: Store;
  readonly home: string;
  readonly directory: string;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Log;
  readonly client: Client;
  /** This process, where it is named already. */
  readonly owner?: string;
  /** The task queues that this process works on. */
  readonly queues: readonly string[];
  readonly shutdownGraceMs: number;
  readonly heartbeatTimeoutMs: number;
  /** The user's: its codecs apply to what is stored. */
  readonly dataConverter: LoadedDataConverter;
}

/** What a worker process has open, whoever polls for it: `createWorker`, or a user's own Worker with the plugin. */
export interface OpenProcess {
  readonly deps: Dependencies;
  readonly owner: ProcessOwner;
  readonly activities: Activities;
  /** Of the tasks, by name. */
  readonly taskActivities: Readonly<Record<string, TaskActivity>>;
  /** Takes over what dead processes have left, now and every two seconds until it is closed. */
  keepSweeping(): Promise<void>;
  /** Items in flight finish, nothing new is begun. */
  leave(): void;
  /** Once no activity runs any more. The store stays open. */
  close(): Promise<void>;
}

/** Takes this process's place among the others: its lease, its lock, its activities. */
export async function openProcess(options: ProcessOptions): Promise<OpenProcess> {
  const { home, log, client, store, queues, tasks, dataConverter } = options;
  const parts = new Parts();
  try {
    const facts = await serverFactsOf(client);
    const server = facts.id;
    const seal = sealOf(dataConverter.payloadCodecs);
    const owner = await takePlace(options, { server, parts });
    const leaving = new AbortController();
    const deps = await openDependencies(options, { owner, parts, seal, shutdown: leaving.signal });
    const { activities, close } = createActivities(deps);
    parts.add(close);
    const unlisten = onLongLock((database) => log.warn(new HoldfastError('HF_DATABASE_LOCKED', { database }).message));
    parts.add(async () => void unlisten());
    const uninstall = installTaskRuntime(taskRuntime);
    parts.add(async () => uninstall());
    const sweep = () => failOrphans({ home, client, server, store, queues, log });
    return {
      deps,
      owner,
      activities,
      taskActivities: createTaskActivities(deps, { tasks, seal, outgoing: outgoingOf(dataConverter, facts) }),
      keepSweeping: async () => {
        await sweep();
        parts.add(repeat(sweep));
      },
      leave: () => leaving.abort(),
      close: () => parts.close(),
    };
  } catch (error) {
    await parts.close();
    throw error;
  }
}

/** The lock by which others on the machine know that it lives, and the lease by which all do. */
async function takePlace(
  { home, store, jobs, log, owner: id }: ProcessOptions,
  { server, parts }: { readonly server: string; readonly parts: Parts },
): Promise<ProcessOwner> {
  const owner = ProcessOwner.create(home, { server, ...(id === undefined ? {} : { id }) });
  parts.add(async () => owner.release());
  const lease = { id: owner.id, host: thisMachine(), pid: process.pid, jobs: [...jobs.keys()], startedAt: Date.now() };
  parts.add(await keepLease(store, lease, log));
  return owner;
}

interface Opening {
  readonly owner: ProcessOwner;
  readonly parts: Parts;
  readonly seal: Seal | null;
  readonly shutdown: AbortSignal;
}

async function openDependencies(
  options: ProcessOptions,
  { owner, parts, seal, shutdown }: Opening,
): Promise<Dependencies> {
  const { jobs, store, home, directory, env, log, shutdownGraceMs, heartbeatTimeoutMs } = options;
  const reach = killPoints(env);
  const memo = await openMemoization({
    database: store.database,
    results: resultsFolder(home, env),
    directory,
    now: Date.now,
    seal,
    owner: owner.id,
    livingOwners: (owners) => livingOwners({ store, home }, owners),
    reach,
  });
  parts.add(() => memo.close());
  const transactions = new RecordedTransactions({ directory, now: Date.now });
  parts.add(() => transactions.close());
  return {
    jobs,
    store,
    memo,
    transactions,
    owner: owner.id,
    directory,
    now: Date.now,
    random: Math.random,
    reach,
    log,
    shutdown,
    shutdownGraceMs,
    leaseMs: DEFAULTS.leaseMs,
    heartbeatTimeoutMs,
  };
}

/** Does it every two seconds, one at a time, until the returned function is called. */
function repeat(work: () => Promise<unknown>): () => Promise<void> {
  let working: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => {
    working = working.then(work).catch(() => undefined);
  }, SWEEP_MS);
  return async () => {
    clearInterval(timer);
    await working;
  };
}
