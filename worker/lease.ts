import type { Log } from '../activities/dependencies.ts';
import { DEFAULTS } from '../definitions/limits.ts';
import type { ProcessLease, Store } from '../ledger/store.ts';

/** Keeps a process's lease in the store until the returned function is called. */
export async function keepLease(store: Store, lease: ProcessLease, log: Log): Promise<() => Promise<void>> {
  const renew = () => store.renewLease(lease, { now: Date.now(), leaseMs: DEFAULTS.leaseMs });
  await renew();
  let renewing: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    renewing = renewing
      .then(renew)
      .catch((error) => log.warn('the lease of this process could not be renewed', { error: String(error) }));
  }, DEFAULTS.leaseMs / 3);
  return async () => {
    clearInterval(timer);
    await renewing;
    await store.endLease(lease.id);
  };
}
