import { HoldfastError } from '../definitions/errors.ts';
import { DEFAULTS } from '../definitions/limits.ts';
import { validate } from '../definitions/standard-schema.ts';
import { decodeValue } from '../definitions/values.ts';
import { nextDue } from '../ledger/counts.ts';
import { claimLane, commitLane, giveKey, type LaneHold, type LaneOutcome, takeDue } from '../ledger/retry-lane.ts';
import type { ItemReason, ItemRow, MemoCounts } from '../ledger/rows.ts';
import type { Place } from '../sources/source.ts';
import type { Attempt, OneChunk } from './attempt.ts';
import type { CallResult } from './call.ts';
import { CommitBuffer } from './commit-buffer.ts';
import type { ItemWork } from './item-context.ts';
import { describeError, judgeFailure } from './item-outcome.ts';
import type { AnyPrepared, JobSession } from './job-session.ts';
import { pumpOf } from './memo-pump.ts';
import { MemoTally } from './memo-tally.ts';
import { keyOf, showPlace } from './range-records.ts';
import { commitEffects, type Effect, narrowDown, type SinkWrite } from './sink-write.ts';

const TAKE_MAX = 500;
/** A lane waits for items that are due so soon, rather than end and be scheduled again. */
const LINGER_MS = 1_000;

interface RetryWork extends ItemWork {
  readonly row: ItemRow;
}

interface Entry {
  readonly work: RetryWork;
  readonly prepared: AnyPrepared | null;
  readonly result: unknown;
  readonly called: boolean;
  readonly memo?: MemoCounts | undefined;
  readonly next: LaneOutcome['next'];
}

const LANDED = { kind: 'landed' } as const;

/** One attempt of a retry lane: takes the items that are due, runs them, commits, and again while more come due. */
export async function runRetry(session: JobSession, input: OneChunk, attempt: Attempt): Promise<'done' | 'yielded'> {
  const { ledger, deps } = session;
  const { hold } = await ledger.write((tx) =>
    claimLane(tx, { jobNo: session.job.job_no, epoch: input.run.epoch, lane: input.number, owner: deps.owner }),
  );
  deps.reach('after-claim');
  const until = performance.now() + DEFAULTS.yieldAfterMs;
  while (!attempt.signal.aborted && performance.now() < until) {
    const rows = await ledger.write((tx) => takeDue(tx, hold, { now: deps.now(), limit: TAKE_MAX }));
    hold.seq++;
    if (rows.length > 0) {
      if (!(await runRows(session, { attempt, hold, rows, yieldAfterMs: until - performance.now() }))) return 'yielded';
      continue;
    }
    const due = await ledger.read((tx) => nextDue(tx, session.job.job_no));
    const waitMs = due === null ? Number.POSITIVE_INFINITY : due - deps.now();
    if (waitMs > LINGER_MS) return 'done';
    await new Promise((resolve) => setTimeout(resolve, Math.max(1, waitMs)));
  }
  return 'yielded';
}

interface RunRows {
  readonly attempt: Attempt;
  readonly hold: LaneHold;
  readonly rows: readonly ItemRow[];
  readonly yieldAfterMs: number;
}

/** Whether all of them were settled. */
async function runRows(session: JobSession, { attempt, hold, rows, yieldAfterMs }: RunRows): Promise<boolean> {
  const committer = new LaneCommitter(session, hold, rows);
  // Behind every range chunk: an item that waited goes to the end of the queue, but takes its turn.
  const pump = pumpOf<RetryWork>({
    session,
    priority: 0,
    settle: (work, result) => committer.settle(work, result),
  });
  committer.onFailure = (error) => pump.fail(error);
  try {
    await attempt.drive(pump, { yieldAfterMs, holdWhenFull: false }, await worksOf(session, { hold, rows, committer }));
  } catch (error) {
    committer.discard();
    throw error;
  }
  return committer.finish();
}

/** The items as the user's function takes them; schema and key are asked again, for they may have been mended. */
async function worksOf(
  session: JobSession,
  {
    hold,
    rows,
    committer,
  }: { readonly hold: LaneHold; readonly rows: readonly ItemRow[]; readonly committer: LaneCommitter },
): Promise<RetryWork[]> {
  const works: RetryWork[] = [];
  const { schema } = session.spec;
  for (const row of rows) {
    const raw = decodeValue(row.input ?? 'null');
    let work = { item: raw, key: row.key ?? '', attempts: row.attempts, row };
    try {
      const valid = schema ? await validate(schema, raw) : null;
      if (valid?.kind === 'invalid')
        throw new HoldfastError('HF_ITEM_SCHEMA', { place: row.place, issues: valid.issues });
      if (valid) work = { ...work, item: valid.value };
    } catch (error) {
      committer.refuse(work, error, 'schema');
      continue;
    }
    if (row.key !== null) works.push(work);
    else {
      const keyed = await withKey(session, { hold, work, committer });
      if (keyed) works.push(keyed);
    }
  }
  return works;
}

/** An item that was refused before its key was asked for; null where it cannot run under its key either. */
async function withKey(
  session: JobSession,
  { hold, work, committer }: { readonly hold: LaneHold; readonly work: RetryWork; readonly committer: LaneCommitter },
): Promise<RetryWork | null> {
  const { row } = work;
  const place = JSON.parse(row.place) as Place;
  let key: string;
  try {
    key = keyOf(session, work.item, { place });
  } catch (error) {
    committer.refuse(work, error, 'key');
    return null;
  }
  const { onDuplicateKey } = session.spec;
  const given = await session.ledger.write((tx) => giveKey(tx, hold, { row, key, onDuplicateKey }));
  if (given.kind === 'own') return { ...work, key };
  if (given.kind === 'left-out') committer.leaveOut(row);
  else {
    const first = `record ${given.owner.position + 1} of chunk ${given.owner.chunk}`;
    const twice = new HoldfastError('HF_KEY_TWICE', { key, first, second: showPlace(place) });
    committer.refuse({ ...work, key }, twice, 'duplicate');
  }
  return null;
}

class LaneCommitter {
  onFailure: (error: unknown) => void = () => undefined;
  readonly #session: JobSession;
  readonly #hold: LaneHold;
  readonly #left: Map<string, ItemRow>;
  readonly #buffer: CommitBuffer<Entry>;

  constructor(session: JobSession, hold: LaneHold, rows: readonly ItemRow[]) {
    this.#session = session;
    this.#hold = hold;
    this.#left = new Map(rows.map((row) => [placeOf(row), row]));
    this.#buffer = new CommitBuffer({
      commit: (entries) => this.#commit(entries),
      fail: (error) => this.onFailure(error),
    });
  }

  settle(work: RetryWork, result: CallResult): Promise<void> | undefined {
    if (result.kind === 'abandoned' || result.kind === 'busy') return undefined;
    const { memo } = result;
    if (result.kind === 'error') {
      const failed = judgeFailure(this.#session, result.error, work.attempts);
      return this.#buffer.add({ work, prepared: null, result: null, called: true, memo, next: failed });
    }
    const { sink } = this.#session;
    const landed = { work, result: result.value, called: result.kind === 'value', memo, next: LANDED };
    if (!sink) return this.#buffer.add({ ...landed, prepared: null });
    const outcome = { item: work.item, key: work.key, result: result.value };
    try {
      const prepared = { outcome, rows: sink.prepare(outcome) };
      return this.#buffer.add({ ...landed, prepared });
    } catch (error) {
      return this.#buffer.add(this.#refused({ ...landed, prepared: null }, error, 'sink'));
    }
  }

  /** Quarantines an item without another try. */
  refuse(work: RetryWork, error: unknown, reason: ItemReason): Promise<void> | undefined {
    const refused = { work, prepared: null, result: null, called: false, next: LANDED };
    return this.#buffer.add(this.#refused(refused, error, reason));
  }

  /** Takes note that an item is no longer one. */
  leaveOut(row: ItemRow): void {
    this.#left.delete(placeOf(row));
  }

  discard(): void {
    this.#buffer.discard();
  }

  /** Commits the rest and gives back what was not run. Whether there was nothing to give back. */
  async finish(): Promise<boolean> {
    await this.#buffer.flush();
    if (this.#left.size === 0) return true;
    await this.#write([], [...this.#left.values()]);
    return false;
  }

  async #commit(entries: readonly Entry[]): Promise<void> {
    const { reach } = this.#session.deps;
    reach('before-commit');
    await narrowDown(entries, {
      write: (part) => this.#write(part, []),
      refuse: (entry, error) => this.#refused(entry, error, 'sink'),
    });
    reach('after-commit');
  }

  #refused(entry: Entry, error: unknown, reason: ItemReason): Entry {
    const attempts = entry.work.attempts + (entry.called ? 1 : 0);
    return {
      ...entry,
      prepared: null,
      next: { kind: 'quarantined', reason, attempts, dueAt: null, error: describeError(error) },
    };
  }

  async #write(entries: readonly Entry[], giveBack: readonly ItemRow[]): Promise<SinkWrite> {
    const effects: Effect[] = [];
    for (const { work, next, prepared, result } of entries) {
      const { chunk, position } = work.row;
      if (next.kind === 'landed') effects.push({ chunk, position, key: work.key, prepared, result });
    }
    const calls = entries.filter((entry) => entry.called).length;
    const memo = new MemoTally();
    for (const entry of entries) if (entry.memo) memo.add(entry.memo);
    const outcomes = entries.map(({ work, next }) => ({ chunk: work.row.chunk, position: work.row.position, next }));
    const commit = { outcomes, giveBack, calls, retried: calls, memo, now: this.#session.deps.now() };
    const written = await commitEffects(this.#session, { record: (tx) => commitLane(tx, this.#hold, commit), effects });
    if (written.kind === 'refused') return written;
    this.#hold.seq++;
    for (const { work } of entries) this.#left.delete(placeOf(work.row));
    return written;
  }
}

function placeOf(row: ItemRow): string {
  return `${row.chunk}:${row.position}`;
}
