import { HoldfastError, isHoldfastError } from '../definitions/errors.ts';
import { DEFAULTS } from '../definitions/limits.ts';
import { type ClaimRange, claimRange, findChunk, type RangeClaim } from '../ledger/claim-range.ts';
import { updateError } from '../ledger/items.ts';
import { hashKeys } from '../ledger/key-hash.ts';
import type { KeyOwner } from '../ledger/reserve-keys.ts';
import { type ChunkRow, RANGE } from '../ledger/rows.ts';
import type { Attempt, OneChunk } from './attempt.ts';
import type { CallResult } from './call.ts';
import { describeError, judgeFailure } from './item-outcome.ts';
import type { JobSession } from './job-session.ts';
import type { Load } from './load-gate.ts';
import { pumpOf } from './memo-pump.ts';
import { RangeCommitter } from './range-committer.ts';
import {
  checkRecords,
  type GoodRecord,
  ledgerItem,
  type RangeRecord,
  type RangeRecords,
  showPlace,
  standInKey,
} from './range-records.ts';

const RANGE_CHANGED = 'changed';

export type AttemptEnd = 'done' | 'yielded' | 'changed';

/** One attempt of a range chunk: read, claim, run what is not settled, commit as it goes, report. */
export async function runRange(session: JobSession, input: OneChunk, attempt: Attempt): Promise<AttemptEnd> {
  const jobNo = session.job.job_no;
  const chunk = await session.ledger.read((tx) => findChunk(tx, jobNo, RANGE, input.number));
  if (chunk.state !== 'planned') return 'done';
  const load = await session.loads.begin(input.number, attempt.signal);
  if (!load) return 'yielded';
  try {
    return await runLoaded(session, { input, attempt, chunk, load });
  } finally {
    load.end();
  }
}

interface Loaded {
  readonly input: OneChunk;
  readonly attempt: Attempt;
  readonly chunk: ChunkRow;
  readonly load: Load;
}

async function runLoaded(session: JobSession, { input, attempt, chunk, load }: Loaded): Promise<AttemptEnd> {
  const { reach } = session.deps;
  reach('before-read');
  const read = await readChunk(session, chunk);
  if (read === RANGE_CHANGED) return 'changed';
  load.loaded(read.records.length);
  reach('after-read');
  const claim = await session.ledger.write((tx) => claimRange(tx, claimOf(session, input, read)));
  reach('after-claim');
  if (claim.kind === 'unstable') throw unstable(read, claim.record);
  if (claim.kind !== 'claimed') return 'done';
  if (claim.reserveNo !== null) session.filter.reserved(claim.reserveNo);
  if (claim.duplicates.length > 0) await nameFirstPlaces(session, chunk, claim, read);
  const committer = new RangeCommitter(session, input, claim);
  const done = await pump(session, { input, attempt, claim, read, committer, load });
  return done ? 'done' : 'yielded';
}

async function readChunk(session: JobSession, chunk: ChunkRow): Promise<RangeRecords | typeof RANGE_CHANGED> {
  const reader = await session.readerOf(chunk.pass);
  const range = await reader.read({
    from: chunk.from_cursor ?? reader.start,
    to: chunk.to_cursor ?? reader.start,
    checksum: chunk.checksum,
  });
  if (range.kind === 'changed') {
    session.logOf({ chunk: chunk.number }).warn(`the source changed while it is read: ${range.reason}`);
    return RANGE_CHANGED;
  }
  return checkRecords(session, range.records);
}

function claimOf(session: JobSession, input: OneChunk, read: RangeRecords): ClaimRange {
  return {
    jobNo: session.job.job_no,
    epoch: input.run.epoch,
    number: input.number,
    owner: session.deps.owner,
    hashes: read.hashes,
    filter: session.filter,
    onDuplicateKey: session.spec.onDuplicateKey,
    standInOf: (record) => hashKeys([standInKey((read.records[record] as RangeRecord).read.place)]),
    isKeyless: (record) => read.records[record]?.key === null,
    describeDuplicate: (record, owner) => {
      const taken = read.records[record] as GoodRecord;
      const first = `record ${owner.position + 1} of chunk ${owner.chunk}`;
      return ledgerItem(session, taken, {
        state: 'quarantined',
        reason: 'duplicate',
        attempts: 0,
        error: duplicateError(taken, first),
      });
    },
  };
}

function duplicateError(record: GoodRecord, first: string): string {
  return describeError(
    new HoldfastError('HF_KEY_TWICE', { key: record.key, first, second: showPlace(record.read.place) }),
  );
}

function unstable(read: RangeRecords, record: number): HoldfastError {
  const found = read.records[record];
  return new HoldfastError('HF_KEY_UNSTABLE', {
    place: found ? showPlace(found.read.place) : `record ${record + 1}`,
    first: 'another key when it was read before',
    second: found?.key ?? 'none',
  });
}

type Claimed = Extract<RangeClaim, { kind: 'claimed' }>;

/** Says file and line of the records that have the keys, where they can be read again. A few chunks at most. */
async function nameFirstPlaces(
  session: JobSession,
  chunk: ChunkRow,
  claim: Claimed,
  read: RangeRecords,
): Promise<void> {
  const CHUNKS_READ_MAX = 3;
  const places = new Map<number, RangeRecords | null>([[chunk.number, read]]);
  const recordAt = new Map<number, number>();
  for (let record = 0; record < read.records.length; record++)
    recordAt.set(claim.positions?.[record] ?? record, record);
  for (const { position, owner } of claim.duplicates) {
    if (!places.has(owner.chunk) && places.size <= CHUNKS_READ_MAX)
      places.set(owner.chunk, await readOther(session, owner));
    const first = places.get(owner.chunk)?.records[owner.position];
    const record = read.records[recordAt.get(position) ?? -1];
    if (!first || record?.kind !== 'good') continue;
    const item = {
      jobNo: session.job.job_no,
      chunk: chunk.number,
      position,
      error: duplicateError(record, showPlace(first.read.place)),
    };
    await session.ledger.write((tx) => updateError(tx, item));
  }
}

async function readOther(session: JobSession, owner: KeyOwner): Promise<RangeRecords | null> {
  const other = await session.ledger.read((tx) => findChunk(tx, session.job.job_no, RANGE, owner.chunk));
  const read = await readChunk(session, other).catch(() => null);
  return read === RANGE_CHANGED ? null : read;
}

interface PumpInput {
  readonly input: OneChunk;
  readonly attempt: Attempt;
  readonly claim: Claimed;
  readonly read: RangeRecords;
  readonly committer: RangeCommitter;
  readonly load: Load;
}

async function pump(
  session: JobSession,
  { input, attempt, claim, read, committer, load }: PumpInput,
): Promise<boolean> {
  const pump = pumpOf<GoodRecord>({
    session,
    priority: input.number,
    took: () => load.took(),
    settle: (work, result) => settle(session, committer, work, result),
  });
  committer.onFailure = (error) => pump.fail(error);
  try {
    await attempt.drive(
      pump,
      { yieldAfterMs: DEFAULTS.yieldAfterMs, holdWhenFull: true },
      worksOf(session, { claim, read, committer, load }),
    );
  } catch (error) {
    committer.discard();
    throw error;
  }
  return committer.finish();
}

/** The records that are not settled, in order; what cannot run is handed to the committer on the way. */
function* worksOf(
  session: JobSession,
  { claim, read, committer, load }: Pick<PumpInput, 'claim' | 'read' | 'committer' | 'load'>,
): Generator<GoodRecord> {
  for (let record = 0; record < read.records.length; record++) {
    const position = claim.positions?.[record] ?? record;
    const found = read.records[record] as RangeRecord;
    if (claim.settled.has(position)) load.took();
    else if (found.kind === 'bad') {
      load.took();
      const { reason, error } = found;
      committer.addItem(position, ledgerItem(session, found, { state: 'quarantined', reason, attempts: 0, error }));
    } else {
      found.position = position;
      yield found;
    }
  }
}

function settle(
  session: JobSession,
  committer: RangeCommitter,
  work: GoodRecord,
  result: CallResult,
): Promise<void> | undefined {
  if (result.kind === 'abandoned' || result.kind === 'busy') return undefined;
  if (result.kind !== 'error') return committer.addValue(work, result);
  const failed = judgeFailure(session, result.error, 0);
  if (isHoldfastError(result.error) === false)
    session.logOf({ item: work.key }).debug('item failed', { error: failed.error });
  const { kind: state, ...rest } = failed;
  return committer.addItem(work.position, ledgerItem(session, work, { state, ...rest }), {
    called: true,
    memo: result.memo,
  });
}
