import { CompleteAsyncError, type Context } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { isHoldfastError } from '../definitions/errors.ts';
import { isFinal, isRetryAfter, nextDelayMs, retryAfterMs } from '../definitions/retry.ts';
import type { TaskSpec } from '../definitions/task.ts';
import type { Dependencies } from './dependencies.ts';
import { nameOfThrown, stackOfThrown, textOfThrown } from './thrown.ts';

/** Before a store that cannot be used is asked again, and before a result that another computes is. */
const ASK_AGAIN_MS = 2_000;

/** Trying again as it is gives the same. */
const PERMANENT: ReadonlySet<string> = new Set([
  'HF_INPUT_SCHEMA',
  'HF_RESULT_NOT_STORABLE',
  'HF_MEMO_KEY',
  'HF_MEMO_CYCLE',
  'HF_TRANSACTION_MEMOIZED',
  'HF_DURATION_INVALID',
  'HF_ONCE_NAME',
  'HF_PAYLOAD_TOO_LARGE',
  'HF_TX_NESTED',
]);

/** Others are at work: no fault of the task's. */
const PASSING: ReadonlySet<string> = new Set(['HF_MEMO_BUSY', 'HF_DATABASE_LOCKED']);

/** What becomes of an attempt that did not go well. */
export interface FailedAttempt {
  /** To be thrown out of the activity. */
  readonly failure: unknown;
  /** Whether it was a failure of the task that uses up a try. */
  readonly counts: boolean;
  /** Nothing is tried again. */
  readonly isFinal: boolean;
}

export interface Failing {
  readonly spec: TaskSpec;
  readonly context: Pick<Context, 'cancellationSignal' | 'cancellationDetails'>;
  readonly deps: Pick<Dependencies, 'now' | 'random' | 'shutdown'>;
  /** Failures before this one. */
  readonly failures: number;
  /** Whether the error is the store's, and neither the input's nor the function's. */
  readonly isOfStore: boolean;
}

const wait = (failure: unknown): FailedAttempt => ({ failure, counts: false, isFinal: false });

/** The retry policy's answer to a failed attempt of a task's activity. */
export function judgeAttempt(error: unknown, failing: Failing): FailedAttempt {
  const { spec, deps, failures, isOfStore } = failing;
  if (error instanceof CompleteAsyncError) return { failure: error, counts: false, isFinal: false };
  const stopped = stopOf(failing);
  if (stopped !== null) return stopped;
  if (isRetryAfter(error)) return wait(later(error, retryAfterMs(error, deps.now())));
  if (isOfStore || (isHoldfastError(error) && PASSING.has(error.code))) return wait(later(error, ASK_AGAIN_MS));
  if (isHoldfastError(error) && PERMANENT.has(error.code)) {
    return { failure: final(error, `Task ${spec.name}: ${error.message}`), counts: true, isFinal: true };
  }
  const attempt = failures + 1;
  const given = error instanceof ApplicationFailure ? error : null;
  if (given?.nonRetryable || isFinal(spec.retry, error, attempt)) {
    const why =
      given?.nonRetryable || attempt < spec.retry.attempts ? 'and is not tried again' : 'its retries are used up';
    const times = attempt === 1 ? 'once' : `${attempt} times`;
    const message = `Task ${spec.name} failed ${times}, ${why}: ${textOfThrown(error)}`;
    return { failure: final(error, message), counts: true, isFinal: true };
  }
  const delayMs = nextDelayMs(spec.retry, attempt, deps.random());
  return { failure: again(error, delayMs), counts: true, isFinal: false };
}

/** The attempt was told to stop: whatever the function threw then is about that. */
function stopOf({ context, deps }: Failing): FailedAttempt | null {
  const { cancellationSignal: signal, cancellationDetails: details } = context;
  if (signal.aborted && (details?.cancelRequested || details?.paused || details?.reset)) {
    return { failure: signal.reason, counts: false, isFinal: details.cancelRequested };
  }
  if (!signal.aborted && !deps.shutdown.aborted) return null;
  const leaving = ApplicationFailure.create({
    type: 'HF_PROCESS_LEAVES',
    message: 'the process that ran it leaves',
    nextRetryDelay: '1ms',
    category: ApplicationFailureCategory.BENIGN,
  });
  return wait(leaving);
}

/** Expected: nothing failed, and no one need be alarmed. */
function later(error: unknown, delayMs: number): ApplicationFailure {
  return ApplicationFailure.create({
    type: typeOf(error),
    message: textOfThrown(error),
    nextRetryDelay: Math.max(1, delayMs),
    category: ApplicationFailureCategory.BENIGN,
  });
}

function again(error: unknown, delayMs: number): ApplicationFailure {
  const given = error instanceof ApplicationFailure ? error : null;
  const failure = ApplicationFailure.create({
    type: typeOf(error),
    message: textOfThrown(error),
    nextRetryDelay: given?.nextRetryDelay ?? Math.max(1, delayMs),
    ...(given?.details ? { details: given.details } : {}),
    ...(given?.category ? { category: given.category } : {}),
    ...causeOf(error),
  });
  // It stands for the function's own error: what matters is where that was made.
  const stack = stackOfThrown(error);
  if (stack !== null) failure.stack = stack;
  return failure;
}

function final(error: unknown, message: string): ApplicationFailure {
  const given = error instanceof ApplicationFailure ? error : null;
  const details = isHoldfastError(error) ? [error.fields] : given?.details;
  return ApplicationFailure.create({
    type: typeOf(error),
    message,
    nonRetryable: true,
    ...(details ? { details } : {}),
    ...(error instanceof Error ? { cause: error } : {}),
  });
}

function causeOf(error: unknown): { readonly cause?: Error } {
  return error instanceof Error && error.cause instanceof Error ? { cause: error.cause } : {};
}

function typeOf(error: unknown): string {
  if (isHoldfastError(error)) return error.code;
  if (error instanceof ApplicationFailure && error.type) return error.type;
  return nameOfThrown(error);
}
