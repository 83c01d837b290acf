import type { Cursor } from '../definitions/ids.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { type JobRow, RANGE } from '../ledger/rows.ts';
import type { SourceChange, SourceReader } from '../sources/source.ts';

const PAGE = 500;

interface RangeRow {
  readonly number: number;
  readonly from_cursor: string;
  readonly to_cursor: string;
  readonly checksum: string | null;
}

/** Compares a source with what was seen of it when the job was last planned. */
export async function compareSource(ledger: Ledger, reader: SourceReader<unknown>, job: JobRow): Promise<SourceChange> {
  if (job.source_state === null) return { kind: 'same' };
  return reader.compare(job.source_state, () => plannedRanges(ledger, job));
}

async function* plannedRanges(ledger: Ledger, job: JobRow) {
  for (let after = 0; ; ) {
    const rows = await ledger.read((tx) =>
      tx.all<RangeRow>(
        `SELECT number, from_cursor, to_cursor, checksum FROM hf_chunk
         WHERE job_no = ? AND kind = ${RANGE} AND pass = ? AND number > ? ORDER BY number LIMIT ${PAGE}`,
        [job.job_no, job.pass, after],
      ),
    );
    for (const row of rows) {
      yield { from: row.from_cursor as Cursor, to: row.to_cursor as Cursor, checksum: row.checksum };
      after = row.number;
    }
    if (rows.length < PAGE) return;
  }
}
