import { HoldfastError, isHoldfastError } from '../definitions/errors.ts';
import type { JobRecords } from './job-records.ts';

interface Start {
  readonly id: string;
  readonly name: string;
  /** Canonical JSON. */
  readonly params: string;
}

/** Refuses other params under an id, and an id of another job. Errors: HF_PARAMS_DIFFER, HF_JOB_OF_OTHER_NAME. */
export async function assertStartable(records: JobRecords, { id, name, params }: Start): Promise<void> {
  const entry = await records.entry(id);
  if (!entry) return;
  const before = await records
    .read(id, async (_, job) => ({ name: job.name, params: job.params }))
    .catch((error) => {
      // The ledger cannot be read here and now: the worker that opens the job decides.
      if (isHoldfastError(error)) return null;
      throw error;
    });
  if (!before) return;
  if (before.name !== name) throw new HoldfastError('HF_JOB_OF_OTHER_NAME', { id, before: before.name, now: name });
  if (before.params !== params) throw new HoldfastError('HF_PARAMS_DIFFER', { id, before: before.params, now: params });
}
