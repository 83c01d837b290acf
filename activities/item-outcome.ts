import { ERRORS, isHoldfastError } from '../definitions/errors.ts';
import { DEFAULTS } from '../definitions/limits.ts';
import { isFinal, isRetryAfter, nextDelayMs, retryAfterMs } from '../definitions/retry.ts';
import type { ItemReason } from '../ledger/rows.ts';
import type { JobSession } from './job-session.ts';

/** What becomes of an item whose call failed. */
export interface FailedItem {
  readonly kind: 'waiting' | 'quarantined';
  readonly reason: ItemReason;
  readonly attempts: number;
  readonly dueAt: number | null;
  readonly error: string;
}

/** No further call can end otherwise. */
const PERMANENT: ReadonlySet<string> = new Set([
  'HF_INPUT_SCHEMA',
  'HF_RESULT_NOT_STORABLE',
  'HF_MEMO_KEY',
  'HF_MEMO_CYCLE',
]);

/** The retry policy's answer to a failed call. `attempts` are those before it. */
export function judgeFailure(session: JobSession, error: unknown, attempts: number): FailedItem {
  const { now, random } = session.deps;
  const { retry } = session.spec;
  const text = describeError(error);
  if (isRetryAfter(error)) {
    return { kind: 'waiting', reason: 'failed', attempts, dueAt: now() + retryAfterMs(error, now()), error: text };
  }
  const attempt = attempts + 1;
  if ((isHoldfastError(error) && PERMANENT.has(error.code)) || isFinal(retry, error, attempt)) {
    return { kind: 'quarantined', reason: 'failed', attempts: attempt, dueAt: null, error: text };
  }
  return {
    kind: 'waiting',
    reason: 'failed',
    attempts: attempt,
    dueAt: now() + nextDelayMs(retry, attempt, random()),
    error: text,
  };
}

/** An error as the ledger keeps it: whatever was thrown, as JSON of bounded size. */
export function describeError(error: unknown): string {
  try {
    return describe(error);
  } catch {
    return JSON.stringify({ name: 'thrown', message: 'a value that cannot be shown' });
  }
}

function describe(error: unknown): string {
  const max = DEFAULTS.errorMessageCharsMax;
  if (error instanceof Error || isErrorLike(error)) {
    const code = isHoldfastError(error) && error.code in ERRORS ? { code: error.code } : {};
    const cause = error.cause === undefined ? {} : { cause: cut(messageOf(error.cause), max) };
    return JSON.stringify({ ...code, name: String(error.name), message: cut(String(error.message), max), ...cause });
  }
  return JSON.stringify({ name: 'thrown', message: cut(messageOf(error), max) });
}

function isErrorLike(
  value: unknown,
): value is { readonly name: unknown; readonly message: unknown; readonly cause?: unknown } {
  return typeof value === 'object' && value !== null && 'message' in value && 'name' in value;
}

function messageOf(value: unknown): string {
  try {
    if (isErrorLike(value)) return `${value.name}: ${value.message}`;
    if (typeof value === 'object' && value !== null) return JSON.stringify(value) ?? String(value);
    return String(value);
  } catch {
    return 'a value that cannot be shown';
  }
}

function cut(text: string, max: number): string {
  return text.length > max ? `${text.slice(0, max)}…` : text;
}
