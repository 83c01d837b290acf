import { HoldfastError } from '../definitions/errors.ts';
import { decodeValue } from '../definitions/values.ts';
import { listFailures } from '../ledger/items.ts';
import type { ItemRow } from '../ledger/rows.ts';
import type { JobRecords } from './job-records.ts';

const PAGE = 500;

/** A quarantined or unknown item, with why. */
export interface FailedItem {
  /** Null where none could be read. */
  readonly key: string | null;
  readonly state: 'quarantined' | 'unknown';
  readonly reason: ItemRow['reason'];
  readonly attempts: number;
  readonly error: { readonly code?: string; readonly name?: string; readonly message: string; readonly cause?: string };
  /** As the source gave it; null where it could not be kept. */
  readonly input: unknown;
  /** Lines count from 1, bytes and indexes from 0. */
  readonly place: { readonly file?: string; readonly line?: number; readonly byte?: number; readonly index?: number };
  /** In milliseconds since 1970. */
  readonly at: number;
}

/** The failures of a job's newest generation, in source order, a page at a time. */
export async function* readFailures(records: JobRecords, jobId: string): AsyncGenerator<FailedItem> {
  let afterChunk = 0;
  let afterPosition = -1;
  for (;;) {
    const page = await records.read(jobId, (tx, job) =>
      listFailures(tx, { jobNo: job.job_no, afterChunk, afterPosition, limit: PAGE }),
    );
    for (const row of page) {
      yield failedItem(row);
      afterChunk = row.chunk;
      afterPosition = row.position;
    }
    if (page.length < PAGE) return;
  }
}

function failedItem(row: ItemRow): FailedItem {
  return {
    key: row.key,
    state: row.state === 'unknown' ? 'unknown' : 'quarantined',
    reason: row.reason,
    attempts: row.attempts,
    error: JSON.parse(row.error) as FailedItem['error'],
    input: row.input === null ? null : decodeValue(row.input),
    place: JSON.parse(row.place) as FailedItem['place'],
    at: row.updated_at,
  };
}

export interface KeptResult<R = unknown> {
  readonly key: string;
  readonly result: R;
}

interface ResultRow {
  readonly chunk: number;
  readonly position: number;
  readonly key: string;
  readonly result: string;
}

/** The kept results of a job without a sink, in source order, a page at a time. */
export async function* readResults<R>(records: JobRecords, jobId: string): AsyncGenerator<KeptResult<R>> {
  let after: Pick<ResultRow, 'chunk' | 'position'> = { chunk: 0, position: -1 };
  const sink = await records.read(jobId, async (_, job) => ({ identity: job.sink, title: job.sink_title }));
  if (sink.identity !== 'none') throw new HoldfastError('HF_RESULTS_ELSEWHERE', { id: jobId, sink: sink.title });
  for (;;) {
    const page = await records.read(jobId, (tx, job) =>
      tx.all<ResultRow>(
        `SELECT chunk, position, key, result FROM hf_result WHERE job_no = ? AND (chunk, position) > (?, ?)
         ORDER BY chunk, position LIMIT ${PAGE}`,
        [job.job_no, after.chunk, after.position],
      ),
    );
    for (const row of page) yield { key: row.key, result: decodeValue(row.result) as R };
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    after = last;
  }
}
