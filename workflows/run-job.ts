import { ApplicationFailure, WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  ChildWorkflowCancellationType,
  ParentClosePolicy,
  proxyActivities,
  sleep,
  startChild,
  WorkflowIdReusePolicy,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../activities/create-activities.ts';
import type { AnyJob } from '../definitions/job.ts';
import { toJson } from '../definitions/values.ts';
import type { holdfastJob } from './job.ts';
import { JOB_WORKFLOW, type JobInput, type JobResult } from './messages.ts';

/** A job that is open already is asked for again after a fifth of the time that it was waited for, within these. */
const LOOK_AGAIN_MS_MIN = 1_000;
const LOOK_AGAIN_MS_MAX = 300_000;

type ParamsOf<J> = J extends { readonly types?: { readonly params: infer P } } ? P : Readonly<Record<string, unknown>>;

export interface RunJobOptions {
  /** The job's id, and its workflow's. @default what the job's `id` says, else its name and a short hash of its params */
  readonly id?: string;
  /** Begin the next generation, if the present one is complete; else it is continued. @default false */
  readonly again?: boolean;
  /** Take only the first so many items. @default all */
  readonly limit?: number;
  /** Compute memoized results anew. @default false */
  readonly refresh?: boolean;
  /** Where the job is worked on. @default the workflow's own task queue */
  readonly taskQueue?: string;
}

/**
 * Runs a job as a child workflow and waits for its end, on workers that have the job (`HoldfastPlugin`). It starts, continues or
 * finds nothing new as `holdfast run` does; a job of that id that is open already is waited for. Cancelling the workflow cancels
 * the job. How it ended is in `state`.
 *
 * Errors, as the cause of an `ActivityFailure` or `ChildWorkflowFailure`: HF_PARAM_UNKNOWN, HF_PARAM_MISSING, HF_PARAM_INVALID, HF_PARAMS_DIFFER,
 * HF_JOB_OF_OTHER_NAME, HF_OPTION_INVALID, and what makes a job impossible to open (HF_SOURCE_MISSING …). HF_JOB_NOT_SERVED is tried again
 * until a worker has the job.
 *
 * @example
 * import type enrich from './enrich.ts';
 * const { state } = await runJob<typeof enrich>('enrich-orders', { file: 'orders.csv' });
 */
export async function runJob<J extends AnyJob = AnyJob>(
  name: J['name'],
  params: Partial<ParamsOf<J>> = {},
  options: RunJobOptions = {},
): Promise<JobResult> {
  const { id = null, again = false, limit = null, refresh = false, taskQueue } = options;
  if (limit !== null && !(Number.isSafeInteger(limit) && limit > 0)) {
    throw invalid(`Option limit is ${String(limit)}; give a whole number above 0.`);
  }
  const { holdfastIdentifyJob } = proxyActivities<Activities>({
    startToCloseTimeout: '1 minute',
    retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '10s' },
    ...(taskQueue === undefined ? {} : { taskQueue }),
  });
  const identity = await holdfastIdentifyJob({ name, params: toJson(params), id });
  if (identity.id === workflowInfo().workflowId) {
    const message = `Job ${name} has the id ${identity.id}, which is this workflow's own: start one of them with another id.`;
    throw invalid(message);
  }
  const input = { jobId: identity.id, name, params: identity.params, again, limit, ...(refresh ? { refresh } : {}) };
  return runAlone(input, taskQueue);
}

const invalid = (message: string): ApplicationFailure => ApplicationFailure.nonRetryable(message, 'HF_OPTION_INVALID');

/** One run at a time has the id: behind another's, this one finds what it left, which is mostly nothing. */
async function runAlone(input: JobInput, taskQueue: string | undefined): Promise<JobResult> {
  const began = Date.now();
  for (;;) {
    try {
      const child = await startChild<typeof holdfastJob>(JOB_WORKFLOW, {
        workflowId: input.jobId,
        args: [input],
        workflowTaskTimeout: '2s',
        workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
        cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
        // The ledger is to know that it ended.
        parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
        memo: { job: input.name, params: input.params },
        ...(taskQueue === undefined ? {} : { taskQueue }),
      });
      return await child.result();
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
    await sleep(Math.min(LOOK_AGAIN_MS_MAX, Math.max(LOOK_AGAIN_MS_MIN, (Date.now() - began) / 5)));
  }
}
