import type { Context } from '@temporalio/activity';
import type { TaskCalls } from '../ledger/task-calls.ts';

const HEARTBEAT_MS = 1_000;
const HEARTBEAT_MS_MIN = 50;

/** What an attempt leaves for the next one: beside what the task's own function says when it beats itself. */
interface Beat {
  readonly holdfastFailures: number;
  readonly details?: unknown;
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
  readonly #send: (beat: Beat) => void;
  /** What the function said when it beat last, in this attempt or one before. */
  #details: unknown;

  private constructor(
    context: Context,
    { scope, failures }: { readonly scope: readonly string[]; readonly failures: number },
  ) {
    this.#context = context;
    this.#send = context.heartbeat;
    this.#takeBeats();
    this.scope = JSON.stringify(scope);
    this.idempotencyKey = scope.slice(1).filter(Boolean).join('/');
    this.madeBy = scope[1] || context.info.activityId;
    this.failures = failures;
  }

  /** Failures are in the store, and with the server for workers that have another one. */
  static async begin(context: Context, calls: TaskCalls): Promise<TaskAttempt> {
    const { info } = context;
    const { workflowId = '', runId = info.activityRunId ?? '' } = info.workflowExecution ?? {};
    const scope = [info.namespace, workflowId, runId, info.activityId, ...asked(info)];
    const told = isBeat(info.heartbeatDetails) ? info.heartbeatDetails.holdfastFailures : 0;
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
    if (this.#context.info.isLocal) return;
    const details = this.#details;
    this.#send({ holdfastFailures: failures, ...(details === undefined ? {} : { details }) });
  }

  /** Beats until the returned function is called. */
  keepAlive(): () => void {
    const timer = setInterval(() => this.beat(), beatEveryMs(this.#context.info));
    return () => clearInterval(timer);
  }

  /** A function that beats itself, and looks at what an attempt before it said, is to find its own. */
  #takeBeats(): void {
    const context = this.#context as { -readonly [K in 'heartbeat' | 'info']: Context[K] };
    if (context.info.isLocal) return;
    const found: unknown = context.info.heartbeatDetails;
    this.#details = isBeat(found) ? found.details : found;
    const info = context.info as { heartbeatDetails: unknown };
    info.heartbeatDetails = this.#details;
    context.heartbeat = (details) => {
      this.#details = details;
      this.beat();
    };
  }
}

/** Well within the time after which the server gives the attempt up. */
export function beatEveryMs({ heartbeatTimeoutMs }: Pick<Context['info'], 'heartbeatTimeoutMs'>): number {
  if (heartbeatTimeoutMs === undefined) return HEARTBEAT_MS;
  return Math.min(HEARTBEAT_MS, Math.max(HEARTBEAT_MS_MIN, heartbeatTimeoutMs / 3));
}

/**
 * An activity id that the workflow chose may be that of several calls, one after the other: when the server was asked for each tells
 * them apart. A local activity is asked for anew when its process dies, and is the same call.
 */
function asked({ isLocal, workflowExecution, scheduledTimestampMs }: Context['info']): readonly string[] {
  return isLocal || workflowExecution === undefined ? [] : [String(scheduledTimestampMs)];
}

function isBeat(details: unknown): details is Beat {
  return (
    typeof details === 'object' &&
    details !== null &&
    'holdfastFailures' in details &&
    Number.isSafeInteger(details.holdfastFailures) &&
    Number(details.holdfastFailures) >= 0
  );
}
