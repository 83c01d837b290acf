import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openDatabase } from '../database/open-database.ts';
import { Store } from './store.ts';

export interface OpenStoreOptions {
  /** Where embedded files are kept. */
  readonly home: string;
  /** Relative paths in `url` are relative to this. */
  readonly directory: string;
  /** @default `store.db` in the home */
  readonly url?: string | undefined;
}

/** Where the store is: `HOLDFAST_STORE`, else a SQLite file in the home. */
export function storeUrl(home: string, env: NodeJS.ProcessEnv): string {
  return env.HOLDFAST_STORE || `sqlite:${join(home, 'store.db')}`;
}

/** Where large memoized results are kept: `HOLDFAST_RESULTS`, else a folder in the home. May be relative. */
export function resultsFolder(home: string, env: NodeJS.ProcessEnv): string {
  return env.HOLDFAST_RESULTS || join(home, 'results');
}

/** Opens the store, making it where there is none. */
export async function openStore({ home, directory, url }: OpenStoreOptions): Promise<Store> {
  if (!existsSync(home)) mkdirSync(home, { recursive: true });
  const database = await openDatabase(url ?? storeUrl(home, {}), { directory });
  try {
    return await Store.open(database);
  } catch (error) {
    await database.close();
    throw error;
  }
}
