import { randomUUID } from 'node:crypto';
import {
  type Client,
  isGrpcServiceError,
  WorkflowFailedError,
  type WorkflowHandle,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { HoldfastError, showValue } from '../definitions/errors.ts';
import { checkJobId } from '../definitions/job-id.ts';
import { type AnyTask, isTask, type Task } from '../definitions/task.ts';
import { fromJson, toJson } from '../definitions/values.ts';
import { TASK_WORKFLOW, TASKS_QUEUE, type TaskInput, taskQueueOfTask } from '../workflows/messages.ts';
import { assertFits, PAYLOAD_BYTES_MAX } from './payload-size.ts';
import type { TemporalLink } from './temporal-link.ts';

/** How soon a server that went away is asked again. */
const ASK_AGAIN_MS = 500;

export type TaskInputOf<T> = T extends Task<string, infer I, unknown> ? I : never;
export type TaskResultOf<T> = T extends Task<string, never, infer R> ? R : never;

export interface RunTaskOptions {
  /** Names the call: one of that name that is under way is waited for instead of beginning another. @default a new one each time */
  readonly id?: string;
  /** Where a Worker of yours with the plugin works. @default the queue of Holdfast's own workers for the task */
  readonly taskQueue?: string;
  /** Compute a memoized result anew, and store it. @default false */
  readonly refresh?: boolean;
}

interface Asked {
  readonly task: AnyTask | string;
  readonly input: unknown;
}

/** Runs one task through its workflow. Errors: as `HoldfastClient.runTask`. */
export async function runTask(
  temporal: TemporalLink,
  { task, input }: Asked,
  options: RunTaskOptions,
): Promise<unknown> {
  const name = isTask(task) ? task.name : task;
  if (typeof name !== 'string') {
    const problem = 'give a task that defineTask made, or the name of one';
    throw new HoldfastError('HF_OPTION_INVALID', { option: 'task', value: showValue(name), problem });
  }
  const { taskQueue, refresh = false } = options;
  const id = options.id === undefined ? `task-${name}-${randomUUID()}` : checkJobId(options.id);
  const args: [TaskInput] = [
    { task: name, input: toJson(input), taskQueue: taskQueue ?? taskQueueOfTask(name), refresh },
  ];
  const client = await temporal.client();
  const { loadedDataConverter: dataConverter } = client.options;
  await assertFits(args[0], { what: `The input of task ${name}`, dataConverter, bytesMax: PAYLOAD_BYTES_MAX });
  const handle = await temporal.reaching(() =>
    client.workflow.start(TASK_WORKFLOW, {
      workflowId: id,
      taskQueue: taskQueue ?? TASKS_QUEUE,
      args,
      workflowTaskTimeout: '2s',
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      workflowIdConflictPolicy: 'USE_EXISTING',
      memo: { task: name },
    }),
  );
  if (options.id !== undefined) await assertSameTask(name, temporal, handle);
  return fromJson(await resultOf(name, client, handle));
}

/** What was open already under the id may be anything. Errors: HF_OPTION_INVALID. */
async function assertSameTask(
  task: string,
  temporal: TemporalLink,
  handle: WorkflowHandle & { readonly firstExecutionRunId: string },
): Promise<void> {
  const { workflowId, firstExecutionRunId } = handle;
  const { type, memo } = await temporal.reaching(() =>
    handle.client.getHandle(workflowId, firstExecutionRunId).describe(),
  );
  if (type === TASK_WORKFLOW && memo?.['task'] === task) return;
  const what = type === TASK_WORKFLOW ? `task ${memo?.['task']}` : `workflow ${type}`;
  throw new HoldfastError('HF_OPTION_INVALID', {
    option: 'id',
    value: workflowId,
    problem: `${what} is under way by that name: give another`,
  });
}

/** Waits through outages of the server. */
async function resultOf(
  task: string,
  client: Client,
  { workflowId, firstExecutionRunId }: WorkflowHandle & { readonly firstExecutionRunId: string },
): Promise<unknown> {
  for (;;) {
    try {
      return await client.workflow.getHandle(workflowId, undefined, { firstExecutionRunId }).result();
    } catch (error) {
      if (error instanceof WorkflowFailedError) throw failureOf(task, error);
      if (error instanceof WorkflowNotFoundError) {
        throw new HoldfastError('HF_TASK_FAILED', { task, reason: 'Temporal knows nothing of it any more' });
      }
      if (!isGrpcServiceError(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
    }
  }
}

function failureOf(task: string, failed: WorkflowFailedError): HoldfastError {
  // The workflow's end, the activity's, and what the worker said of the task.
  let cause: Error | undefined = failed.cause;
  while (cause?.cause instanceof Error && cause.name === 'ActivityFailure') cause = cause.cause;
  const reason = cause?.message ?? failed.message;
  const error = new HoldfastError('HF_TASK_FAILED', { task, reason }, { cause });
  // The worker names the task already.
  if (reason.startsWith(`Task ${task} `)) error.message = reason;
  return error;
}
