import { ERRORS, type ErrorCode, HoldfastError } from '../definitions/errors.ts';

interface FailureLike {
  readonly type?: unknown;
  readonly details?: unknown;
  readonly message?: unknown;
  readonly cause?: unknown;
}

/** The error of Holdfast that a failed run carries in its chain of causes; null where there is none. */
export function failureOf(failure: unknown): HoldfastError | null {
  for (
    let at = failure as FailureLike | undefined, depth = 0;
    at && depth < 10;
    at = at.cause as FailureLike | undefined, depth++
  ) {
    const { type, details } = at;
    if (typeof type !== 'string' || !Object.hasOwn(ERRORS, type)) continue;
    const fields = (Array.isArray(details) ? details[0] : undefined) as Record<string, unknown> | undefined;
    return rebuild(type as ErrorCode, { fields: fields ?? {}, message: String(at.message), cause: failure });
  }
  return null;
}

interface Parts {
  readonly fields: Record<string, unknown>;
  readonly message: string;
  readonly cause: unknown;
}

/** The message as it was made where the error was: a newer worker may word it better. */
function rebuild(code: ErrorCode, { fields, message, cause }: Parts): HoldfastError {
  const error = new HoldfastError(code, fields as never, { cause });
  error.message = message;
  return error;
}
