import type { Database } from '../database/database.ts';
import { loadMigrations, migrate } from '../database/migrate.ts';
import type { MemoEntries } from './entries.ts';
import type { Memoization, Seal } from './memoization.ts';
import type { MemoPoint } from './points.ts';
import { ProcessMemoization } from './process-memoization.ts';
import { StoredEntries } from './stored-entries.ts';

export interface OpenMemoization {
  /** The store's. Stays the caller's. */
  readonly database: Database;
  /** Where large results are kept, where a task names no storage of its own. */
  readonly results: string;
  /** What is relative of `results` and the `storage` of tasks is relative to this. */
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

export interface OpenEntries extends OpenMemoization {
  /** As in {@link OpenForWork}. @default none: `collect` leaves the claims of dead processes to those who come to ask for them */
  readonly livingOwners?: OpenForWork['livingOwners'];
}

/** Opens the memoization of a worker process. */
export async function openMemoization(options: OpenForWork): Promise<Memoization> {
  await prepare(options.database);
  return new ProcessMemoization(options);
}

/** Opens the entries for commands. */
export async function openEntries(options: OpenEntries): Promise<MemoEntries> {
  await prepare(options.database);
  return new StoredEntries(options);
}

async function prepare(database: Database): Promise<void> {
  const migrations = await loadMigrations(new URL(`./migrations/${database.dialect}/`, import.meta.url));
  await migrate(database, { component: 'memo', migrations });
}
