import { assertStartable } from '../client/check-start.ts';
import { JobRecords } from '../client/job-records.ts';
import { HoldfastError, isHoldfastError } from '../definitions/errors.ts';
import { canonicalText } from '../definitions/job-id.ts';
import { storeUrl } from '../ledger/open-store.ts';
import type { JobRow } from '../ledger/rows.ts';
import { findHome } from '../server/home.ts';
import type { ChosenRun } from './check-job.ts';

/**
 * Refuses, before any server is started, other params under an id, and another source or sink than an unfinished job has. The
 * activity that opens the job decides; this says the same at once. Errors: HF_PARAMS_DIFFER, HF_JOB_OF_OTHER_NAME,
 * HF_SOURCE_IDENTITY, HF_SINK_IDENTITY, HF_SINK_CHANGED.
 */
export async function checkIdentity(chosen: ChosenRun, again: boolean): Promise<void> {
  const home = findHome();
  const records = new JobRecords({ home, directory: process.cwd(), storeUrl: storeUrl(home, process.env) });
  const { id, job } = chosen;
  try {
    await assertStartable(records, { id, name: job.name, params: canonicalText(chosen.params) });
    if ((await records.entry(id)) === null) return;
    const before = await records
      .read(id, async (_, row) => row)
      .catch((error) => {
        if (isHoldfastError(error)) return null;
        throw error;
      });
    if (before) checkEnds(before, chosen, again);
  } finally {
    await records.close();
  }
}

function checkEnds(before: JobRow, { id, source, sink }: ChosenRun, again: boolean): void {
  const finished = before.state === 'complete' || before.state === 'partial';
  if (finished && again) return;
  if (before.source !== source.identity && !finished) {
    throw new HoldfastError('HF_SOURCE_IDENTITY', { id, before: before.source_title, now: source.title });
  }
  if (before.sink === sink.identity) return;
  const code = finished ? 'HF_SINK_CHANGED' : 'HF_SINK_IDENTITY';
  throw new HoldfastError(code, { id, before: before.sink_title, now: sink.title });
}
