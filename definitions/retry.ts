import { checkOptions, type OptionsOf } from './check-options.ts';
import { type Duration, durationMs, parseDuration } from './duration.ts';
import { HoldfastError, showValue } from './errors.ts';
import { DEFAULTS } from './limits.ts';
import { settleUnseen } from './settle-unseen.ts';

/** What is known of the attempt that failed. */
export interface RetryInfo {
  /** 1 for the first call. */
  readonly attempt: number;
}

/** When and how often a failed call is made again. */
export interface Retry {
  /** Calls in all, the first one counted. @default 5; with `delays`, one more than there are delays */
  readonly attempts?: number;
  /** The wait before the second call, the third and so on; the last one repeats. Instead of `backoff`. */
  readonly delays?: readonly Duration[];
  /** A wait that grows: `first`, then each time `factor` times the one before, up to `max`. @default 1s, 2, 60s */
  readonly backoff?: { readonly first: Duration; readonly factor?: number; readonly max?: Duration };
  /** From 0 to 1: a delay is spread evenly over 1 − jitter … 1 + jitter times itself. @default 0.2 */
  readonly jitter?: number;
  /** Whether to call again after this error. @default always */
  readonly when?: (error: unknown, info: RetryInfo) => boolean;
}

export type RetryDelays =
  | { readonly kind: 'list'; readonly delaysMs: readonly number[] }
  | { readonly kind: 'backoff'; readonly firstMs: number; readonly factor: number; readonly maxMs: number };

/** {@link Retry} with everything decided. */
export interface RetryPolicy {
  readonly attempts: number;
  readonly delays: RetryDelays;
  readonly jitter: number;
  readonly when: ((error: unknown, info: RetryInfo) => boolean) | null;
}

const retryOptions: OptionsOf<Retry> = {
  attempts: 'positive-integer',
  delays: 'array',
  backoff: 'object',
  jitter: 'share',
  when: 'function',
};
const backoffOptions: OptionsOf<NonNullable<Retry['backoff']>> = {
  first: 'duration',
  factor: 'number',
  max: 'duration',
};

/** Checks retry options. `what` is named in errors. @throws HF_DEFINITION_INVALID, HF_DURATION_INVALID */
export function normalizeRetry(given: Retry | undefined, what: string): RetryPolicy {
  const retry = given ?? {};
  checkOptions({ what, prefix: 'retry.' }, retry, retryOptions);
  const delays = normalizeDelays(retry, what);
  const attempts = retry.attempts ?? (retry.delays === undefined ? DEFAULTS.attempts : retry.delays.length + 1);
  return { attempts, delays, jitter: retry.jitter ?? DEFAULTS.jitter, when: retry.when ?? null };
}

function normalizeDelays(retry: Retry, what: string): RetryDelays {
  const refuse = (option: string, value: unknown, problem: string): never => {
    throw new HoldfastError('HF_DEFINITION_INVALID', { what, option, value: showValue(value), problem });
  };
  if (retry.delays !== undefined) {
    if (retry.backoff !== undefined) refuse('retry.backoff', retry.backoff, 'give either delays or backoff, not both');
    if (retry.delays.length === 0) refuse('retry.delays', retry.delays, 'give at least one delay');
    return {
      kind: 'list',
      delaysMs: retry.delays.map((delay, n) => parseDuration(delay, `retry.delays[${n}] of ${what}`)),
    };
  }
  const { backoff } = retry;
  if (backoff === undefined) {
    return {
      kind: 'backoff',
      firstMs: DEFAULTS.backoffFirstMs,
      factor: DEFAULTS.backoffFactor,
      maxMs: DEFAULTS.backoffMaxMs,
    };
  }
  checkOptions({ what, prefix: 'retry.backoff.' }, backoff, backoffOptions);
  const factor = backoff.factor ?? DEFAULTS.backoffFactor;
  if (factor < 1) refuse('retry.backoff.factor', factor, 'give a number of at least 1');
  const firstMs = parseDuration(backoff.first, `retry.backoff.first of ${what}`);
  const maxMs =
    backoff.max === undefined
      ? Math.max(firstMs, DEFAULTS.backoffMaxMs)
      : parseDuration(backoff.max, `retry.backoff.max of ${what}`);
  if (maxMs < firstMs) refuse('retry.backoff.max', backoff.max, 'it is shorter than first');
  return { kind: 'backoff', firstMs, factor, maxMs };
}

/**
 * How long to wait before the next call, in whole milliseconds, when call number `attempt` (from 1) has failed.
 * `random01` is a random number in [0, 1): the caller's, so that this stays pure.
 */
export function nextDelayMs(policy: RetryPolicy, attempt: number, random01: number): number {
  return Math.round(plainDelayMs(policy.delays, attempt) * (1 + policy.jitter * (2 * random01 - 1)));
}

function plainDelayMs(delays: RetryDelays, attempt: number): number {
  if (delays.kind === 'list') return delays.delaysMs[Math.min(attempt, delays.delaysMs.length) - 1] ?? 0;
  // The power overflows to Infinity for large attempts, which the minimum catches; 0 * Infinity would be NaN.
  return delays.firstMs === 0 ? 0 : Math.min(delays.maxMs, delays.firstMs * delays.factor ** (attempt - 1));
}

/**
 * Whether call number `attempt` was the last one, or `when` says that this error is final. A `when` that throws is
 * final.
 */
export function isFinal(policy: RetryPolicy, error: unknown, attempt: number): boolean {
  if (attempt >= policy.attempts) return true;
  try {
    if (policy.when === null) return false;
    const again: unknown = policy.when(error, { attempt });
    settleUnseen(again);
    return !again;
  } catch {
    return true;
  }
}

const retryAfterMark = Symbol.for('holdfast.retry-after');

/** How long a receiver asked to be left alone: a span, or until a point in time (milliseconds since 1970). */
export type RetryAfterDelay =
  | { readonly kind: 'span'; readonly ms: number }
  | { readonly kind: 'until'; readonly untilMs: number };

/**
 * Thrown by the user's function to be called again later without using up a try.
 *
 * @example
 * if (reply.status === 429) throw new RetryAfter(reply.headers.get('retry-after') ?? '30s');
 *
 * @throws HF_DURATION_INVALID when `delay` is no duration, no number of seconds and no HTTP date
 */
export class RetryAfter extends Error {
  override readonly name = 'RetryAfter';
  readonly delay: RetryAfterDelay;

  /** @param delay a duration (`'30s'`), or what an HTTP `Retry-After` header holds: seconds (`'120'`) or a date */
  constructor(delay: string | number, options?: { readonly cause?: unknown }) {
    super(`Try again after ${delay}`, options);
    this.delay = parseRetryAfter(delay);
    Object.defineProperty(this, retryAfterMark, { value: true });
  }
}

/** Whether an error is a {@link RetryAfter} of any copy of the package. */
export function isRetryAfter(error: unknown): error is RetryAfter {
  return typeof error === 'object' && error !== null && retryAfterMark in error;
}

/** Milliseconds from `nowMs` on that a {@link RetryAfter} asks for; 0 when its date has passed. */
export function retryAfterMs(error: RetryAfter, nowMs: number): number {
  return error.delay.kind === 'span' ? error.delay.ms : Math.max(0, error.delay.untilMs - nowMs);
}

// RFC 9110 5.6.7: the form that is sent, and the two old ones that must be understood.
const sentDate = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
const longDate = /^[A-Z][a-z]+, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/;
const asctimeDate = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;

function parseRetryAfter(delay: unknown): RetryAfterDelay {
  const text = typeof delay === 'number' ? String(delay) : typeof delay === 'string' ? delay.trim() : '';
  const ms = durationMs(/^\d+(\.\d+)?$/.test(text) ? `${text}s` : text);
  if (ms !== null) return { kind: 'span', ms };
  const date = sentDate.test(text) || longDate.test(text) ? text : asctimeDate.test(text) ? `${text} GMT` : null;
  const untilMs = date === null ? Number.NaN : Date.parse(date);
  if (Number.isNaN(untilMs)) {
    throw new HoldfastError('HF_DURATION_INVALID', { option: 'delay of RetryAfter', value: showValue(delay) });
  }
  return { kind: 'until', untilMs };
}
