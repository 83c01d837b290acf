import type { Outcome } from '../definitions/sink.ts';
import type { Bits } from '../ledger/bits.ts';
import type { RangeClaim } from '../ledger/claim-range.ts';
import { commitRange, type RangeHold } from '../ledger/commit-range.ts';
import type { NewItem } from '../ledger/items.ts';
import type { OneChunk } from './attempt.ts';
import { CommitBuffer } from './commit-buffer.ts';
import { describeError } from './item-outcome.ts';
import type { AnyPrepared, JobSession } from './job-session.ts';
import { type GoodRecord, ledgerItem } from './range-records.ts';
import { commitEffects, type Effect, narrowDown, type SinkWrite } from './sink-write.ts';

type Entry =
  | {
      readonly kind: 'landed';
      readonly work: GoodRecord;
      readonly prepared: AnyPrepared | null;
      readonly result: unknown;
    }
  | {
      readonly kind: 'item';
      readonly position: number;
      readonly item: Omit<NewItem, 'chunk' | 'position'>;
      readonly called: boolean;
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

  /** Takes what the user's function made of an item. */
  addValue(work: GoodRecord, value: unknown): Promise<void> | undefined {
    const { sink } = this.#session;
    if (!sink) return this.#buffer.add({ kind: 'landed', work, prepared: null, result: value });
    const outcome: Outcome<unknown, unknown> = { item: work.item, key: work.key, result: value };
    let rows: unknown;
    try {
      rows = sink.prepare(outcome);
    } catch (error) {
      return this.#buffer.add(this.#refused(work, error));
    }
    return this.#buffer.add({ kind: 'landed', work, prepared: { outcome, rows }, result: value });
  }

  /** Takes an item that does not land now. */
  addItem(
    position: number,
    item: Omit<NewItem, 'chunk' | 'position'>,
    { called = false }: { readonly called?: boolean } = {},
  ): Promise<void> | undefined {
    return this.#buffer.add({ kind: 'item', position, item, called });
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
      refuse: (entry, error) => (entry.kind === 'landed' ? this.#refused(entry.work, error) : entry),
    });
    reach('after-commit');
  }

  #refused(work: GoodRecord, error: unknown): Entry {
    const item = ledgerItem(this.#session, work, {
      state: 'quarantined',
      reason: 'sink',
      attempts: work.attempts + 1,
      error: describeError(error),
    });
    return { kind: 'item', position: work.position, called: true, item };
  }

  async #write(entries: readonly Entry[]): Promise<SinkWrite> {
    const landed = this.#landed.copy();
    const settled = this.#settled.copy();
    const effects: Effect[] = [];
    const items: NewItem[] = [];
    const { number: chunk } = this.#hold;
    let calls = 0;
    for (const entry of entries) {
      if (entry.kind === 'landed') {
        const { position, key } = entry.work;
        effects.push({ chunk, position, key, prepared: entry.prepared, result: entry.result });
        landed.set(position);
        settled.set(position);
        calls++;
      } else {
        items.push({ ...entry.item, chunk, position: entry.position });
        settled.set(entry.position);
        if (entry.called) calls++;
      }
    }
    const done = this.#open === entries.length;
    const commit = { landed, settled, applied: effects.length, calls, done, items };
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
