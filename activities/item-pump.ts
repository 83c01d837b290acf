import { HoldfastError } from '../definitions/errors.ts';
import { encodeValue } from '../definitions/values.ts';
import { ABANDONED, type Call, type CallResult, type CallStart, startCall } from './call.ts';
import type { ItemWork } from './item-context.ts';
import type { JobSession } from './job-session.ts';

/** After so long without a pause the event loop gets a turn: heartbeats, timers, other attempts. */
const TURN_MS = 12;
const TURN_CHECK_ITEMS = 32;
const DEADLINE_CHECK_MS = 50;
/** How long a function that was told to stop may take to settle before it is left behind. */
const ABORT_SETTLE_MS = 500;

/** Why an attempt takes no further items. */
export type StopReason =
  | 'yield'
  | 'paused'
  | 'cancelled'
  | 'tolerance'
  | 'full'
  | 'no-share'
  | 'shutdown'
  | 'superseded'
  | 'failed';

export interface PumpOptions<Work extends ItemWork> {
  readonly session: JobSession;
  /** Earliest chunk first. */
  readonly priority: number;
  /** Called for each item that is taken on. */
  readonly took?: () => void;
  /** Takes results in; resolves when there is room for more. Rejects when they cannot be recorded. */
  readonly settle: (work: Work, result: CallResult) => Promise<void> | undefined;
}

interface Flight<Work> {
  readonly works: readonly Work[];
  readonly call: Call;
}

/**
 * Runs the user's function over items, as many at once as the job's slots in this process allow, at the job's rate, each call
 * within its timeout. Stops taking items when told to; items in flight get their time to finish.
 */
export class ItemPump<Work extends ItemWork> {
  protected readonly session: JobSession;
  readonly #options: PumpOptions<Work>;
  readonly #flights = new Set<Flight<Work>>();
  readonly #stop = new AbortController();
  #stopReason: StopReason | null = null;
  #failure: { readonly error: unknown } | null = null;
  #idle: (() => void) | null = null;
  #lastTurn = performance.now();
  #sinceTurn = 0;
  #abandoned = false;

  constructor(options: PumpOptions<Work>) {
    this.#options = options;
    this.session = options.session;
  }

  /** Aborted when no further items are taken. */
  protected get stopSignal(): AbortSignal {
    return this.#stop.signal;
  }

  get inFlight(): number {
    return this.#flights.size;
  }

  /** Takes no further items; those in flight go on. The first reason stands. */
  stop(reason: StopReason): void {
    this.#stopReason ??= reason;
    this.#stop.abort();
  }

  /** Something outside the functions failed: stop, and reject `run` with it. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.stop('failed');
  }

  /** Tells the functions in flight to stop, and leaves behind those that do not soon. Their calls do not count. */
  async abandon(reason: unknown): Promise<void> {
    this.#abandoned = true;
    for (const flight of this.#flights) flight.call.abort(reason);
    if (this.#flights.size > 0) await Promise.race([this.#whenIdle(), delay(ABORT_SETTLE_MS)]);
    for (const flight of this.#flights) flight.call.giveUp(ABANDONED);
  }

  /** Resolves when all works are settled, or when it was stopped and nothing is in flight any more. */
  async run(works: Iterable<Work>): Promise<void> {
    const deadlines = setInterval(() => this.#checkDeadlines(), DEADLINE_CHECK_MS);
    try {
      const { session } = this;
      for (const batch of batches(works, this.#batchSize())) {
        if (this.#stopReason) break;
        // No promise where a slot is free, or a million cheap items would make a million.
        if (!session.slots.tryAcquire(batch.length) && !(await this.#waitForSlots(batch.length))) break;
        const waitMs = session.rate.take(batch.length, session.deps.now());
        if (waitMs > 0 && !(await this.#waitForRate(batch.length, waitMs))) break;
        const settled = this.#start(batch);
        if (settled) await settled;
        const turn = this.giveTurn();
        if (turn) await turn;
      }
      await this.#whenIdle();
    } finally {
      clearInterval(deadlines);
    }
    if (this.#failure) throw this.#failure.error;
  }

  /** Begins one call. */
  protected begin(works: readonly Work[]): CallStart {
    return startCall(this.session, works);
  }

  /** Takes one result in. */
  protected take(work: Work, result: CallResult): Promise<void> | undefined {
    return this.#options.settle(work, this.session.sink === null ? kept(result) : result);
  }

  /** An item is taken on. */
  protected took(): void {
    this.#options.took?.();
  }

  #batchSize(): number {
    const { work } = this.#options.session.spec;
    return work.kind === 'runBatch' ? work.batchSize : 1;
  }

  #waitForSlots(weight: number): Promise<boolean> {
    const { session } = this;
    const { priority } = this.#options;
    return session.slots.acquire(weight, { priority, signal: this.#stop.signal });
  }

  async #waitForRate(weight: number, waitMs: number): Promise<boolean> {
    await this.session.rate.wait(waitMs, this.#stop.signal);
    if (!this.#stopReason) return true;
    this.session.slots.release(weight);
    return false;
  }

  #start(works: readonly Work[]): Promise<void> | undefined {
    const { session } = this;
    for (let i = 0; i < works.length; i++) this.took();
    const start = this.begin(works);
    if (start.kind === 'settled') {
      session.slots.release(works.length);
      return this.#settle(works, start.results);
    }
    const { call } = start;
    const flight: Flight<Work> = { works, call };
    this.#flights.add(flight);
    let holds = true;
    const release = () => {
      if (holds) session.slots.release(works.length);
      holds = false;
    };
    void call.freed?.then(release);
    void call.results.then(async (results) => {
      try {
        await this.#settle(works, this.#abandoned ? results.map(withoutAborted) : results);
      } catch (error) {
        this.fail(error);
      } finally {
        release();
        this.#flights.delete(flight);
        if (this.#flights.size === 0) this.#idle?.();
      }
    });
    return undefined;
  }

  #settle(works: readonly Work[], results: readonly CallResult[]): Promise<void> | undefined {
    this.session.deps.reach('after-function');
    let full: Promise<void> | undefined;
    for (let i = 0; i < works.length; i++) {
      const result = results[i] ?? ABANDONED;
      if (result.kind === 'abandoned' && result.fault) this.fail(result.fault.error);
      full = this.take(works[i] as Work, result) ?? full;
    }
    return full;
  }

  #checkDeadlines(): void {
    const now = performance.now();
    for (const flight of this.#flights) {
      const { timeoutMs, startedAt } = flight.call;
      if (timeoutMs === null || startedAt === null || startedAt + timeoutMs > now) continue;
      const error = new HoldfastError('HF_ITEM_TIMEOUT', { timeoutMs });
      flight.call.abort(error);
      flight.call.giveUp({ kind: 'error', error });
    }
  }

  #turnIsDue(): boolean {
    if (++this.#sinceTurn < TURN_CHECK_ITEMS) return false;
    this.#sinceTurn = 0;
    return performance.now() - this.#lastTurn > TURN_MS;
  }

  /** Lets others run, when that is due. */
  protected giveTurn(): Promise<void> | undefined {
    return this.#turnIsDue() ? this.#giveTurn() : undefined;
  }

  async #giveTurn(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#lastTurn = performance.now();
  }

  #whenIdle(): Promise<void> {
    if (this.#flights.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const before = this.#idle;
      this.#idle = () => {
        this.#idle = null;
        before?.();
        resolve();
      };
    });
  }
}

/** A function that was told to stop and threw for it has used up no try; one that answered all the same has. */
function withoutAborted(result: CallResult): CallResult {
  return result.kind === 'error' ? ABANDONED : result;
}

/** Results that are kept must be storable: said now, as the item's own error. */
function kept(result: CallResult): CallResult {
  if (result.kind !== 'value' && result.kind !== 'hit') return result;
  try {
    return { ...result, value: encodeValue(result.value) };
  } catch (error) {
    const { memo } = result;
    return { kind: 'error', error, ...(memo === undefined ? {} : { memo }) };
  }
}

function* batches<Work>(works: Iterable<Work>, size: number): Generator<readonly Work[]> {
  if (size === 1) {
    for (const work of works) yield [work];
    return;
  }
  let batch: Work[] = [];
  for (const work of works) {
    batch.push(work);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
