import { isHoldfastError } from '../definitions/errors.ts';
import type { AskAgain } from '../memoization/memoization.ts';
import { persist } from '../memoization/persist.ts';
import type { Dependencies } from './dependencies.ts';

/** Whether to ask a database once more: while another program holds it, until the process is asked to leave. */
export function whileLocked({ shutdown }: Pick<Dependencies, 'shutdown'>): AskAgain {
  return (error) => isHoldfastError(error, 'HF_DATABASE_LOCKED') && !shutdown.aborted;
}

/**
 * Writes as long as it takes: outcomes are not given up because another program holds the database, for their items would be
 * called again. Ends when the process is asked to leave.
 */
export async function throughLocks<T>(deps: Pick<Dependencies, 'shutdown'>, write: () => Promise<T>): Promise<T> {
  return persist(write, whileLocked(deps));
}
