import type { Database } from '../database/database.ts';
import type { MemoEntries } from './entries.ts';
import type { Memoization, Seal } from './memoization.ts';
import type { MemoPoint } from './points.ts';

export interface OpenMemoization {
  /** The store's. Stays the caller's. */
  readonly database: Database;
  /** Where large results are kept, where a task names no storage of its own. */
  readonly results: string;
  /** Relative `storage` of tasks is relative to this. */
  readonly directory: string;
  readonly now: () => number;
  readonly seal: Seal | null;
}

export interface OpenForWork extends OpenMemoization {
  /** This process, as its lease and the claims name it. */
  readonly owner: string;
  /** Which of these processes live, beyond doubt or by their lease. Asked of others only, and rarely. */
  readonly livingOwners: (owners: readonly string[]) => Promise<ReadonlySet<string>>;
  /** Called at each point at which a crash must do no harm. */
  readonly reach: (point: MemoPoint) => void;
}

/** Opens the memoization of a worker process. */
export async function openMemoization(_options: OpenForWork): Promise<Memoization> {
  throw new Error('being written');
}

/** Opens the entries for commands. */
export async function openEntries(_options: OpenMemoization): Promise<MemoEntries> {
  throw new Error('being written');
}
