import type { Outcome } from '../definitions/sink.ts';
import type { Bits } from '../ledger/bits.ts';
import type { RangeClaim } from '../ledger/claim-range.ts';
import { commitRange, type RangeHold } from '../ledger/commit-range.ts';
import type { NewItem } from '../ledger/items.ts';
import type { MemoCounts } from '../ledger/rows.ts';
import type { OneChunk } from './attempt.ts';
import type { CallResult } from './call.ts';
import { CommitBuffer } from './commit-buffer.ts';
import { describeError } from './item-outcome.ts';
import type { AnyPrepared, JobSession } from './job-session.ts';
import { MemoTally } from './memo-tally.ts';
import { type GoodRecord, ledgerItem } from './range-records.ts';
import { commitEffects, type Effect, narrowDown, type SinkWrite } from './sink-write.ts';

type Entry =
  | {
      readonly kind: 'landed';
      readonly work: GoodRecord;
      readonly prepared: AnyPrepared | null;
      readonly result: unknown;
      /** Whether the function was called: not for a stored result. */
      readonly called: boolean;
      readonly memo: MemoCounts | undefined;
    }
  | {
      readonly kind: 'item';
      readonly position: number;
      readonly item: Omit<NewItem, 'chunk' | 'position'>;
      readonly called: boolean;
      readonly memo: MemoCounts | undefined;
    };

/** Gathers a range attempt's outcomes and commits them with their effects. */
export class RangeCommitter {
  onFailure: (error: unknown) => void = () => undefined;
  readonly #session: JobSession;
  /** As of the last commit. */
  #landed: Bits;
  #settled: Bits;
  readonly #hold: RangeHold;
  readonly #buffer: CommitBuffer<Entry>;
  #open: number;
  #done = false;

  constructor(session: JobSession, input: OneChunk, claim: Extract<RangeClaim, { kind: 'claimed' }>) {
    this.#session = session;
    this.#landed = claim.landed;
    this.#settled = claim.settled;
    this.#hold = {
      jobNo: session.job.job_no,
      jobId: session.job.job_id,
      epoch: input.run.epoch,
      number: input.number,
      fence: claim.chunk.fence,
      seq: claim.chunk.seq,
    };
    this.#open = 0;
    for (let position = 0; position < claim.size; position++) if (!claim.settled.has(position)) this.#open++;
    this.#buffer = new CommitBuffer({
      commit: (entries) => this.#commit(entries),
      fail: (error) => this.onFailure(error),
    });
  }

  /** Takes what the user's function made of an item, now or when its result was stored. */
  addValue(
    work: GoodRecord,
    { kind, value, memo }: Extract<CallResult, { kind: 'value' | 'hit' }>,
  ): Promise<void> | undefined {
    const { sink } = this.#session;
    const called = kind === 'value';
    if (!sink) return this.#buffer.add({ kind: 'landed', work, prepared: null, result: value, called, memo });
    const outcome: Outcome<unknown, unknown> = { item: work.item, key: work.key, result: value };
    let rows: unknown;
    try {
      rows = sink.prepare(outcome);
    } catch (error) {
      return this.#buffer.add(this.#refused({ work, called, memo }, error));
    }
    return this.#buffer.add({ kind: 'landed', work, prepared: { outcome, rows }, result: value, called, memo });
  }

  /** Takes an item that does not land now. */
  addItem(
    position: number,
    item: Omit<NewItem, 'chunk' | 'position'>,
    { called = false, memo }: { readonly called?: boolean; readonly memo?: MemoCounts | undefined } = {},
  ): Promise<void> | undefined {
    return this.#buffer.add({ kind: 'item', position, item, called, memo });
  }

  /** Commits the rest. Whether everything of the chunk is settled, and it is marked done. */
  async finish(): Promise<boolean> {
    await this.#buffer.flush();
    if (this.#open === 0 && !this.#done) await this.#write([]);
    return this.#done;
  }

  discard(): void {
    this.#buffer.discard();
  }

  async #commit(entries: readonly Entry[]): Promise<void> {
    const { reach } = this.#session.deps;
    reach('before-commit');
    await narrowDown(entries, {
      write: (part) => this.#write(part),
      refuse: (entry, error) => (entry.kind === 'landed' ? this.#refused(entry, error) : entry),
    });
    reach('after-commit');
  }

  #refused(
    { work, called, memo }: Pick<Extract<Entry, { kind: 'landed' }>, 'work' | 'called' | 'memo'>,
    error: unknown,
  ): Entry {
    const item = ledgerItem(this.#session, work, {
      state: 'quarantined',
      reason: 'sink',
      attempts: work.attempts + (called ? 1 : 0),
      error: describeError(error),
    });
    return { kind: 'item', position: work.position, called, memo, item };
  }

  async #write(entries: readonly Entry[]): Promise<SinkWrite> {
    const landed = this.#landed.copy();
    const settled = this.#settled.copy();
    const effects: Effect[] = [];
    const items: NewItem[] = [];
    const { number: chunk } = this.#hold;
    const memo = new MemoTally();
    let calls = 0;
    for (const entry of entries) {
      if (entry.called) calls++;
      if (entry.memo) memo.add(entry.memo);
      if (entry.kind === 'landed') {
        const { position, key } = entry.work;
        effects.push({ chunk, position, key, prepared: entry.prepared, result: entry.result });
        landed.set(position);
        settled.set(position);
      } else {
        items.push({ ...entry.item, chunk, position: entry.position });
        settled.set(entry.position);
      }
    }
    const done = this.#open === entries.length;
    const commit = { landed, settled, applied: effects.length, calls, memo, done, items };
    const written = await commitEffects(this.#session, {
      record: (tx) => commitRange(tx, this.#hold, commit),
      effects,
    });
    if (written.kind === 'refused') return written;
    this.#landed = landed;
    this.#settled = settled;
    this.#hold.seq++;
    this.#open -= entries.length;
    this.#done ||= done;
    return written;
  }
}
