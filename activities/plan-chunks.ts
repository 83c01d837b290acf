import { HoldfastError, isHoldfastError } from '../definitions/errors.ts';
import type { Cursor } from '../definitions/ids.ts';
import { DEFAULTS } from '../definitions/limits.ts';
import { findChunk } from '../ledger/claim-range.ts';
import { beginPass, jobOfEpoch } from '../ledger/jobs.ts';
import { appendRanges, chunkRecords, chunksAfter, type NewRange, recordsPlanned } from '../ledger/plan.ts';
import { type JobRow, RANGE } from '../ledger/rows.ts';
import type { RangeLimits, SourceReader } from '../sources/source.ts';
import type { PlanInput, PlanOutcome } from '../workflows/messages.ts';
import type { JobSession } from './job-session.ts';
import { compareSource } from './source-change.ts';

/** Returns the chunks behind a number, and plans more of the source where there are too few. */
export async function planChunks(session: JobSession, input: PlanInput): Promise<PlanOutcome> {
  const { ledger, deps } = session;
  deps.reach('during-plan');
  if (input.changed !== undefined) await lookAgain(session, input.run.epoch, input.changed);
  for (;;) {
    const { job, chunks } = await ledger.read(async (tx) => ({
      job: await jobOfEpoch(tx, session.job.job_no, input.run.epoch),
      chunks: await chunksAfter(tx, session.job.job_no, input.after, input.want),
    }));
    const open = chunks.filter((chunk) => !chunk.done).map((chunk) => chunk.number);
    const last = chunks.at(-1)?.number ?? input.after;
    const complete = last >= job.planned && job.source_ended !== 0;
    if (chunks.length >= input.want || complete) {
      const [workers, status] = [await session.workers(), await session.status()];
      return { kind: 'planned', chunks: open, last, ended: complete, workers, status };
    }
    await planMore(session, job, input.want - chunks.length);
    deps.reach('after-plan');
  }
}

/** A chunk's bytes were other ones: begins a new pass if they still are, whatever sizes and times say. */
async function lookAgain(session: JobSession, epoch: number, number: number): Promise<void> {
  const { ledger } = session;
  const { job, chunk } = await ledger.read(async (tx) => ({
    job: await jobOfEpoch(tx, session.job.job_no, epoch),
    chunk: await findChunk(tx, session.job.job_no, RANGE, number),
  }));
  if (chunk.state !== 'planned') return;
  const reader = await session.readerOf(chunk.pass);
  const { from_cursor: from, to_cursor: to, checksum } = chunk;
  const read = await reader.read({
    from: (from ?? reader.start) as Cursor,
    to: (to ?? reader.start) as Cursor,
    checksum,
  });
  if (read.kind === 'changed') await readFromStart(session, job, read.reason);
}

/** The source is another one: it is read again from its start, in a new pass, and matched by key. */
async function readFromStart(session: JobSession, job: JobRow, reason: string): Promise<void> {
  const { ledger } = session;
  session
    .logOf({})
    .warn(`the source changed under the job: it is read again from its start and matched by key (${reason})`);
  const reader = await session.openSource({ asSeen: false });
  const sourceState = await reader.state();
  await reader.close();
  await ledger.write(async (tx) => {
    const now = await jobOfEpoch(tx, job.job_no, job.epoch);
    if (now.pass !== job.pass) return;
    await beginPass(tx, job.job_no);
    await tx.run('UPDATE hf_job SET source_state = ? WHERE job_no = ?', [sourceState, job.job_no]);
  });
}

async function planMore(session: JobSession, job: JobRow, want: number): Promise<void> {
  const { ledger } = session;
  const reader = await session.readerOf(job.pass);
  // Seen before reading: what comes in meanwhile is noticed next time.
  const sourceState = await reader.state();
  const change = await compareSource(ledger, reader, job);
  if (change.kind === 'replaced') return readFromStart(session, job, change.reason);
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
    const range = await planRange(reader, from, { records, bytes: DEFAULTS.chunkBytesMax });
    if (range instanceof HoldfastError) return readFromStart(session, job, range.message);
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

/** A source that is replaced at this very moment shows as HF_SOURCE_REPLACED. */
async function planRange(reader: SourceReader<unknown>, from: Cursor, limits: RangeLimits) {
  try {
    return await reader.plan(from, limits);
  } catch (error) {
    if (isHoldfastError(error, 'HF_SOURCE_REPLACED')) return error;
    throw error;
  }
}
