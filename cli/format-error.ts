import { isHoldfastError } from '../definitions/errors.ts';

/** One line for people, with the code; the stack only for `HOLDFAST_LOG=debug`. */
export function formatError(error: unknown): {
  readonly text: string;
  readonly code: string | null;
  readonly message: string;
} {
  const message = error instanceof Error || isHoldfastError(error) ? error.message : String(error);
  const code = isHoldfastError(error) ? error.code : null;
  const stack = process.env.HOLDFAST_LOG === 'debug' && error instanceof Error ? `\n${error.stack}` : '';
  return { text: `holdfast: ${message}${code === null ? '' : ` (${code})`}${stack}`, code, message };
}

/** What a command that ends with an error exits with. */
export function exitCodeOf(error: unknown): number {
  return isHoldfastError(error) ? error.exitCode : 1;
}
