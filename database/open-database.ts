import type { Database } from './database.ts';
import { openSqlite } from './sqlite.ts';
import { parseDatabaseUrl } from './url.ts';

export interface OpenDatabaseOptions {
  /** Relative paths are relative to this. */
  readonly directory: string;
  /** Whether a missing SQLite file is made; its directory must exist. @default true */
  readonly create?: boolean;
  /** @default false */
  readonly readOnly?: boolean;
  /** How long a database that another program has locked is waited for, before HF_DATABASE_LOCKED. @default 15_000 */
  readonly lockWaitMs?: number;
}

/**
 * Opens the database of a URL such as `sqlite:orders.db`. Close it when done: a process has one connection a file,
 * which its last user ends.
 *
 * Throws HF_DATABASE_URL, and what {@link openSqlite} throws.
 */
export async function openDatabase(url: string, options: OpenDatabaseOptions): Promise<Database> {
  const { directory, ...rest } = options;
  return openSqlite({ path: parseDatabaseUrl(url, directory).path, ...rest });
}
