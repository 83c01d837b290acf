import type { Cursor } from '../definitions/ids.ts';
import { DEFAULTS } from '../definitions/limits.ts';
import { beginPass, jobOfEpoch } from '../ledger/jobs.ts';
import { appendRanges, chunkRecords, chunksAfter, type NewRange, recordsPlanned } from '../ledger/plan.ts';
import type { JobRow } from '../ledger/rows.ts';
import type { PlanInput, PlanOutcome } from '../workflows/messages.ts';
import type { JobSession } from './job-session.ts';
import { compareSource } from './source-change.ts';

/** Returns the chunks behind a number, and plans more of the source where there are too few. */
export async function planChunks(session: JobSession, input: PlanInput): Promise<PlanOutcome> {
  const { ledger, deps } = session;
  deps.reach('during-plan');
  if (await isRestored(session, input.run))
    return outcome(session, { chunks: [], last: input.after, ended: false, restored: true });
  for (;;) {
    const { job, chunks } = await ledger.read(async (tx) => ({
      job: await jobOfEpoch(tx, session.job.job_no, input.run.epoch),
      chunks: await chunksAfter(tx, session.job.job_no, input.after, input.want),
    }));
    const open = chunks.filter((chunk) => !chunk.done).map((chunk) => chunk.number);
    const last = chunks.at(-1)?.number ?? input.after;
    const complete = last >= job.planned && job.source_ended !== 0;
    if (chunks.length >= input.want || complete)
      return outcome(session, { chunks: open, last, ended: complete, restored: false });
    await planMore(session, job, input.want - chunks.length);
    deps.reach('after-plan');
  }
}

/** A smaller commit number than the workflow has seen: an older copy of the ledger was put back. */
export async function isRestored(session: JobSession, run: PlanInput['run']): Promise<boolean> {
  return (await session.ledger.currentMark()).commits < run.ledger.commits;
}

async function outcome(session: JobSession, plan: Omit<PlanOutcome, 'status' | 'workers'>): Promise<PlanOutcome> {
  return { ...plan, workers: await session.workers(), status: await session.status() };
}

async function planMore(session: JobSession, job: JobRow, want: number): Promise<void> {
  const { ledger, reader } = session;
  // Seen before reading: what comes in meanwhile is noticed next time.
  const sourceState = await reader.state();
  const change = await compareSource(ledger, reader, job);
  if (change.kind === 'replaced') {
    session
      .logOf({})
      .warn(`the source changed under the job: it is read again from its start and matched by key (${change.reason})`);
    await ledger.write(async (tx) => {
      const now = await jobOfEpoch(tx, job.job_no, job.epoch);
      if (now.pass !== job.pass) return;
      await beginPass(tx, job.job_no);
      await tx.run('UPDATE hf_job SET source_state = ? WHERE job_no = ?', [sourceState, job.job_no]);
    });
    return;
  }
  let left =
    job.item_limit === null
      ? Number.POSITIVE_INFINITY
      : job.item_limit - (await ledger.read((tx) => recordsPlanned(tx, job)));
  const ranges: NewRange[] = [];
  let from = (job.next_cursor ?? reader.start) as Cursor;
  let ended: 0 | 1 | 2 = 0;
  while (ranges.length < want && ended === 0) {
    if (left <= 0) {
      ended = 2;
      break;
    }
    const records = Math.min(left, chunkRecords(job.planned + ranges.length + 1, DEFAULTS.chunkRecordsMax));
    const range = await reader.plan(from, { records, bytes: DEFAULTS.chunkBytesMax });
    if (range === null) {
      ended = 1;
      break;
    }
    ranges.push(range);
    left -= range.records;
    from = range.next;
    if (range.end) ended = 1;
  }
  await ledger.write((tx) => appendRanges(tx, { job, ranges, ended, sourceState }));
}
