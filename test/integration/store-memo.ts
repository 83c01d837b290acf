import { join } from 'node:path';
import type { Store } from '../../ledger/store.ts';
import type { Memoization } from '../../memoization/memoization.ts';
import { openMemoization } from '../../memoization/open-memoization.ts';

/** The memoization of a process that is alone on its store. */
export function memoOf(
  store: Store,
  { directory, owner }: { readonly directory: string; readonly owner: string },
): Promise<Memoization> {
  return openMemoization({
    database: store.database,
    results: join(directory, 'home', 'results'),
    directory,
    now: Date.now,
    seal: null,
    owner,
    livingOwners: async () => new Set(),
    reach: () => undefined,
  });
}
