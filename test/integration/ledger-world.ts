import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { type Activities, createActivities } from '../../activities/create-activities.ts';
import type { Point } from '../../activities/points.ts';
import { openDatabase } from '../../database/open-database.ts';
import { type AnyJob, collectJobs } from '../../definitions/job.ts';
import { type Counts, countJob } from '../../ledger/counts.ts';
import { redrive } from '../../ledger/items.ts';
import { findJob } from '../../ledger/jobs.ts';
import { Ledger } from '../../ledger/ledger.ts';
import { openStore } from '../../ledger/open-store.ts';
import type { ItemRow, JobRow } from '../../ledger/rows.ts';
import { RecordedTransactions } from '../../sinks/recorded-transactions.ts';
import type { SourcePort } from '../../sources/source.ts';
import type { ChunkOutcome, JobResult, OpenedRun, PlanOutcome, Restored } from '../../workflows/messages.ts';
import { memoOf } from './store-memo.ts';

/** Numbers that a seed decides (mulberry32). */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  one(of: number): boolean {
    return this.below(of) === 0;
  }

  shuffle<T>(list: readonly T[]): T[] {
    const left = [...list];
    return list.map(() => left.splice(this.below(left.length), 1)[0] as T);
  }
}

/** A source whose chunks hold a few records only, however large the product's are. */
export function inSmallChunks<Item>(source: unknown, records: number): SourcePort<Item> {
  const port = source as SourcePort<Item>;
  return {
    ...port,
    open: async (options) => {
      const reader = await port.open(options);
      return new Proxy(reader, {
        get(target, name) {
          if (name === 'plan')
            return (from: never, limits: { records: number; bytes: number }) =>
              target.plan(from, { ...limits, records: Math.min(limits.records, records) });
          const value = Reflect.get(target, name) as unknown;
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
    },
  };
}

export interface RunOptions {
  readonly again?: boolean;
  readonly limit?: number | null;
  /** Points that are passed before the process dies; never without. */
  readonly dieAfter?: number | null;
  /** The point at which the process dies. */
  readonly dieAt?: Point | null;
  /** Called between two steps of the run. */
  readonly between?: (step: number) => void;
}

export type RunEnd = { readonly kind: 'ended' | 'nothing-new'; readonly result: JobResult } | { readonly kind: 'died' };

const STEPS_MAX = 600;

/** One job on real files and a real ledger, run as the job workflow runs it, with a clock and deaths at will. */
export class LedgerWorld {
  readonly directory = mkdtempSync(join(tmpdir(), 'holdfast-ledger-'));
  readonly chance: Chance;
  now = 1_800_000_000_000;
  alive = true;
  readonly #job: AnyJob;
  #part: { readonly activities: Activities; readonly close: () => Promise<void> } | null = null;
  #lifeLeft: number | null = null;
  #deadline: Point | null = null;
  #runs = 0;
  #flights: Promise<unknown>[] = [];

  constructor(chance: Chance, job: (world: LedgerWorld) => AnyJob) {
    this.chance = chance;
    this.#job = job(this);
  }

  async end(): Promise<void> {
    await this.#leave();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Runs the job once: to its end, or until its process dies. */
  async run({ again = false, limit = null, dieAfter = null, dieAt = null, between }: RunOptions = {}): Promise<RunEnd> {
    this.#lifeLeft = dieAfter;
    this.#deadline = dieAt;
    this.alive = true;
    const input = { jobId: 'job', name: 'job', params: '{}', again, limit };
    const runId = `run ${++this.#runs}`;
    try {
      const opened = await this.#call((activities) => activities.holdfastOpenJob({ input, runId }));
      if (opened.kind === 'nothing-new') return { kind: 'nothing-new', result: opened.result };
      return { kind: 'ended', result: await this.#drive(opened.run, opened.plan, between) };
    } catch (error) {
      if (this.alive) throw error;
      return { kind: 'died' };
    } finally {
      await this.#leave();
    }
  }

  /** What the ledger and the sink say, read by another process as it were. */
  async look(): Promise<{ readonly job: JobRow; readonly counts: Counts; readonly items: readonly ItemRow[] }> {
    return this.#ledger((ledger) =>
      ledger.read(async (tx) => {
        const job = (await findJob(tx, 'job')) as JobRow;
        const items = await tx.all<ItemRow>('SELECT * FROM hf_item WHERE job_no = ?', [job.job_no]);
        return { job, counts: await countJob(tx, job), items };
      }),
    );
  }

  async query<Row extends object>(sql: string): Promise<Row[]> {
    return this.#ledger((ledger) => ledger.read((tx) => tx.all<Row>(sql)));
  }

  async redrive(): Promise<number> {
    const { job } = await this.look();
    return this.#ledger((ledger) =>
      ledger.write((tx) => redrive(tx, { jobNo: job.job_no, keys: null, now: this.now })),
    );
  }

  async #ledger<T>(work: (ledger: Ledger) => Promise<T>): Promise<T> {
    const database = await openDatabase('sqlite:out.db', { directory: this.directory });
    try {
      return await work(await Ledger.open(database));
    } finally {
      await database.close();
    }
  }

  /** As workflows/run.ts does it, with the order of everything left to chance. */
  async #drive(opened: OpenedRun, first: PlanOutcome | Restored, between: RunOptions['between']): Promise<JobResult> {
    const { chance } = this;
    let waiting: number[] = [];
    let after = 0;
    let ended = false;
    let nextDueAt: number | null = null;
    let changed: number | null = null;
    const planned = (plan: PlanOutcome | Restored) => {
      if (plan.kind === 'restored') throw new Error('the ledger was taken for an older copy');
      waiting.push(...plan.chunks);
      after = plan.last;
      ended = plan.ended;
      nextDueAt = plan.status.nextDueAt;
    };
    const forget = () => {
      waiting = [];
      after = 0;
      ended = false;
      nextDueAt = null;
    };
    const ran = (outcome: ChunkOutcome | Restored) => {
      if (outcome.kind !== 'ran') throw new Error(`a chunk came back ${outcome.kind}`);
      waiting.push(...outcome.left);
      nextDueAt = outcome.status.nextDueAt;
      changed ??= outcome.changed;
    };
    const runRanges = (numbers: readonly number[]) =>
      this.#call((activities) => activities.holdfastRunChunk({ run: opened, kind: 'range', numbers })).then(ran);
    planned(first);
    for (let step = 0; step < STEPS_MAX; step++) {
      between?.(step);
      if (changed !== null) {
        forget();
        const again: number = changed;
        changed = null;
        planned(
          await this.#call((activities) =>
            activities.holdfastPlanChunks({ run: opened, after: 0, want: 4, changed: again }),
          ),
        );
      } else if (!ended && (waiting.length === 0 || chance.one(2))) {
        const want = 1 + chance.below(8);
        planned(await this.#call((activities) => activities.holdfastPlanChunks({ run: opened, after, want })));
      } else if (nextDueAt !== null && (waiting.length === 0 || chance.one(4))) {
        this.now = Math.max(this.now, nextDueAt);
        const numbers = [chance.below(2)];
        ran(await this.#call((activities) => activities.holdfastRunChunk({ run: opened, kind: 'retry', numbers })));
      } else if (waiting.length > 0) {
        const order = chance.shuffle(waiting);
        waiting = [];
        const groups = [order.splice(0, 1 + chance.below(3)), order.splice(0, chance.below(3))];
        waiting.push(...order);
        const flights = groups.filter((group) => group.length > 0).map(runRanges);
        for (const flight of await Promise.allSettled(flights)) if (flight.status === 'rejected') throw flight.reason;
      } else {
        const closed = await this.#call((activities) =>
          activities.holdfastCloseJob({ run: opened, cancelled: false, failure: null }),
        );
        if (closed.kind === 'closed') return closed.result;
        if (closed.kind === 'restored') throw new Error('the ledger was taken for an older copy');
        forget();
      }
    }
    throw new Error('the run does not end');
  }

  async #call<T>(work: (activities: Activities) => Promise<T>): Promise<T> {
    this.#part ??= await this.#start();
    const { activities } = this.#part;
    // What an activity throws is carried out of it, or it would be logged.
    const settled = async () => Promise.allSettled([work(activities)]);
    const flight = new MockActivityEnvironment().run(settled) as ReturnType<typeof settled>;
    this.#flights.push(flight);
    const [result] = await flight;
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  }

  async #start() {
    const { directory } = this;
    const store = await openStore({ home: join(directory, 'home'), directory });
    const quiet = () => undefined;
    const { activities, close } = createActivities({
      jobs: collectJobs([this.#job]),
      store,
      memo: await memoOf(store, { directory, owner: 'this process' }),
      transactions: new RecordedTransactions({ directory, now: Date.now }),
      owner: 'this process',
      directory,
      now: () => {
        this.now += 250;
        return this.now;
      },
      random: () => this.chance.next(),
      reach: (point) => this.#live(point),
      log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
      shutdown: new AbortController().signal,
      shutdownGraceMs: 300,
      leaseMs: 15_000,
      heartbeatTimeoutMs: 30_000,
    });
    return { activities, close: () => close().then(() => store.database.close()) };
  }

  /** A dead process passes no point any more: nothing of it commits. */
  #live(point: Point): void {
    if (point === this.#deadline) this.alive = false;
    if (this.#lifeLeft !== null && this.#lifeLeft-- <= 0) this.alive = false;
    if (!this.alive) throw new Error('the process is dead');
  }

  async #leave(): Promise<void> {
    await Promise.allSettled(this.#flights);
    this.#flights = [];
    await this.#part?.close();
    this.#part = null;
  }
}
