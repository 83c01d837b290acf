import { isHoldfastError } from '../definitions/errors.ts';
import type { Dependencies } from './dependencies.ts';

/**
 * Writes as long as it takes: outcomes are not given up because another program holds the database, for their items would be
 * called again. Ends when the process is asked to leave.
 */
export async function throughLocks<T>(
  { shutdown }: Pick<Dependencies, 'shutdown'>,
  write: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await write();
    } catch (error) {
      if (!isHoldfastError(error, 'HF_DATABASE_LOCKED') || shutdown.aborted) throw error;
    }
  }
}
