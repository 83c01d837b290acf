import { DEFAULTS } from '../definitions/limits.ts';
import { isOwnerAlive } from '../ledger/owner-files.ts';
import type { Store } from '../ledger/store.ts';

/** Which of some worker processes live: on this machine by the lock of their file, beyond doubt; elsewhere by their lease. */
export async function livingOwners(
  { store, home }: { readonly store: Store; readonly home: string },
  owners: readonly string[],
): Promise<ReadonlySet<string>> {
  const leases = await store.workers({ now: Date.now(), leaseMs: DEFAULTS.leaseMs });
  const leased = new Set(leases.map((lease) => lease.id));
  return new Set(owners.filter((owner) => isOwnerAlive(home, owner) ?? leased.has(owner)));
}
