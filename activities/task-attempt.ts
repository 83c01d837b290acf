import type { Context } from '@temporalio/activity';
import type { TaskCalls } from '../ledger/task-calls.ts';

const HEARTBEAT_MS = 1_000;

/** What an attempt leaves for the next one. */
interface Beat {
  readonly failures: number;
}

/** One attempt of an activity that runs a task: whose it is, and how often the task has failed before. */
export class TaskAttempt {
  /** Calls that failed. Crashes, RetryAfter and waits for others are none. */
  readonly failures: number;
  /** The workflow, or the activity where it has none. */
  readonly madeBy: string;
  readonly idempotencyKey: string;
  /** The same in all attempts of this call of the task, and another for each other call. */
  readonly scope: string;
  readonly #context: Context;

  private constructor(
    context: Context,
    { scope, failures }: { readonly scope: readonly string[]; readonly failures: number },
  ) {
    this.#context = context;
    this.scope = JSON.stringify(scope);
    this.idempotencyKey = scope.slice(1).filter(Boolean).join('/');
    this.madeBy = scope[1] || context.info.activityId;
    this.failures = failures;
  }

  /** Failures are in the store, and with the server for workers that have another one. */
  static async begin(context: Context, calls: TaskCalls): Promise<TaskAttempt> {
    const { info } = context;
    const { workflowId = '', runId = info.activityRunId ?? '' } = info.workflowExecution ?? {};
    const scope = [info.namespace, workflowId, runId, info.activityId];
    const told = isBeat(info.heartbeatDetails) ? info.heartbeatDetails.failures : 0;
    const known = info.attempt === 1 ? 0 : await calls.failures(JSON.stringify(scope));
    return new TaskAttempt(context, { scope, failures: Math.max(told, known) });
  }

  /** Nothing was recorded for this call before. */
  get isFirst(): boolean {
    return this.#context.info.attempt === 1;
  }

  /** When the call was asked for, in milliseconds since 1970, by the server's clock. */
  get scheduledAt(): number {
    return this.#context.info.scheduledTimestampMs;
  }

  /** Tells the server that it lives, and the next attempt how often the task has failed. */
  beat(failures = this.failures): void {
    // The server does not know of local activities.
    if (!this.#context.info.isLocal) this.#context.heartbeat({ failures } satisfies Beat);
  }

  /** Beats until the returned function is called. */
  keepAlive(): () => void {
    const timer = setInterval(() => this.beat(), HEARTBEAT_MS);
    return () => clearInterval(timer);
  }
}

function isBeat(details: unknown): details is Beat {
  return (
    typeof details === 'object' &&
    details !== null &&
    'failures' in details &&
    Number.isSafeInteger(details.failures) &&
    Number(details.failures) >= 0
  );
}
