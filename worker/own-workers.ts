import { hostname } from 'node:os';
import type { DataConverter } from '@temporalio/common';
import { type NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import { TASKS_QUEUE, taskQueueOf, taskQueueOfTask } from '../workflows/messages.ts';
import { recordAttempts } from './attempt-interceptor.ts';
import type { OpenProcess } from './process.ts';
import { workflowBundle } from './workflow-bundle.ts';

/** Beyond the items' own time to finish, for the last commit and the report. */
const REPORT_MS = 5_000;

interface Served {
  /** Names. */
  readonly jobs: readonly string[];
  readonly tasks: readonly string[];
}

/** The task queues that serving these takes. */
export function queuesOf({ jobs, tasks }: Served): readonly string[] {
  return [...jobs.map(taskQueueOf), ...tasks.map(taskQueueOfTask), ...(tasks.length > 0 ? [TASKS_QUEUE] : [])];
}

interface OwnWorkersParts {
  readonly native: NativeConnection;
  readonly namespace: string;
  readonly opened: OpenProcess;
  readonly shutdownGraceMs: number;
  readonly dataConverter: DataConverter | undefined;
}

/** A Worker for each of these queues. */
export async function createOwnWorkers({ jobs, tasks }: Served, parts: OwnWorkersParts): Promise<Worker[]> {
  const { native, namespace, opened, shutdownGraceMs, dataConverter } = parts;
  const { activities, taskActivities, owner } = opened;
  const common = {
    connection: native,
    namespace,
    identity: `holdfast ${process.pid}@${hostname()} ${owner.id}`,
    interceptors: { activity: [recordAttempts(owner)] },
    // A killed worker's sticky queue keeps the next workflow task for so long.
    stickyQueueScheduleToStartTimeout: '1s',
    maxHeartbeatThrottleInterval: '1s',
    shutdownGraceTime: shutdownGraceMs + REPORT_MS,
    ...(dataConverter === undefined ? {} : { dataConverter }),
  } satisfies Partial<WorkerOptions>;
  const workflows = {
    workflowBundle: await workflowBundle(dataConverter),
    maxCachedWorkflows: 50,
    workflowThreadPoolSize: 1,
    reuseV8Context: true,
  } satisfies Partial<WorkerOptions>;
  return Promise.all([
    ...jobs.map((name) => Worker.create({ ...common, ...workflows, taskQueue: taskQueueOf(name), activities })),
    ...tasks.map((name) => Worker.create({ ...common, taskQueue: taskQueueOfTask(name), activities: taskActivities })),
    ...(tasks.length > 0 ? [Worker.create({ ...common, ...workflows, taskQueue: TASKS_QUEUE })] : []),
  ]);
}
