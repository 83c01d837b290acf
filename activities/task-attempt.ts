import type { Context } from '@temporalio/activity';

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
  /** The same in all attempts of this call of the task, and another for each other call. */
  readonly scope: readonly string[];
  readonly #context: Context;

  constructor(context: Context) {
    const { info } = context;
    const { workflowId = '', runId = info.activityRunId ?? '' } = info.workflowExecution ?? {};
    this.#context = context;
    this.scope = [info.namespace, workflowId, runId, info.activityId];
    this.madeBy = workflowId || info.activityId;
    // Where no beat has come (a local activity, a server that keeps none) every attempt is taken for a failure.
    this.failures = isBeat(info.heartbeatDetails) ? info.heartbeatDetails.failures : info.attempt - 1;
  }

  /** Nothing was recorded for this call before. */
  get isFirst(): boolean {
    return this.#context.info.attempt === 1;
  }

  get idempotencyKey(): string {
    return this.scope.slice(1).join('/');
  }

  /** When the call was asked for, in milliseconds since 1970, by the server's clock. */
  get scheduledAt(): number {
    return this.#context.info.scheduledTimestampMs;
  }

  /** Tells the server that it lives, and the next attempt how often the task has failed. */
  beat(failures = this.failures): void {
    this.#context.heartbeat({ failures } satisfies Beat);
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
