import type { Database, Transaction } from '../database/database.ts';
import { type ClaimReply, type ClaimRequest, claimKeys } from './claim-keys.ts';
import { endClaims, type HeldClaim } from './claim-rows.ts';
import type { EntryIndex } from './entry-index.ts';
import { type NewEntry, writeEntries } from './entry-rows.ts';
import type { MemoTask } from './memoization.ts';
import type { MemoPoint } from './points.ts';
import { settleSlice } from './settle.ts';
import { type TaskNoOf, TaskNumbers } from './task-numbers.ts';
import { endWaits, type Wait } from './wait-rows.ts';

export interface StoreRequest extends Omit<NewEntry, 'taskNo'> {
  readonly task: MemoTask;
  readonly token: string;
}

interface Asked<Request, Reply> {
  readonly request: Request;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
}

interface Batch {
  readonly claims: Asked<ClaimRequest, ClaimReply>[];
  readonly stores: Asked<StoreRequest, boolean>[];
  readonly ends: Asked<HeldClaim, void>[];
  readonly waits: Asked<readonly Wait[], void>[];
}

const emptyBatch = (): Batch => ({ claims: [], stores: [], ends: [], waits: [] });

export interface StoreWriterOptions {
  readonly database: Database;
  readonly index: EntryIndex;
  readonly owner: string;
  readonly now: () => number;
  readonly reach: (point: MemoPoint) => void;
}

/** Claims mean nothing once the machine is down, and a result that a power cut takes is computed again. */
const NOT_SYNCED = { durable: false };
/** How long results that come one by one are gathered for, while others were written just before. */
const LINGER_MS = 2;
/** A transaction of so many waits for no more. */
const ENOUGH = 128;
const AGAIN_MS = 1_000;

/**
 * Writes what calls ask for, in transactions that calls share: what comes while one runs goes into the next one. A sync a
 * transaction is what they cost.
 */
export class StoreWriter {
  readonly #options: StoreWriterOptions;
  readonly #tasks: TaskNumbers;
  #next = emptyBatch();
  #running: Promise<void> | null = null;
  #isDue = false;
  #lingering: NodeJS.Timeout | null = null;
  #writtenAt = Number.NEGATIVE_INFINITY;
  /** Claims that are over, though the store could not be told. */
  readonly #abandoned = new Map<string, HeldClaim>();
  /** The same of waits. */
  #endedWaits: Wait[] = [];
  #again: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(options: StoreWriterOptions) {
    this.#options = options;
    this.#tasks = new TaskNumbers();
  }

  claim(request: ClaimRequest): Promise<ClaimReply> {
    return this.#ask(this.#next.claims, request);
  }

  /** Resolves to whether the claim was current. */
  store(request: StoreRequest): Promise<boolean> {
    return this.#ask(this.#next.stores, request);
  }

  /** Never rejects: what cannot be written now is written later. */
  async end(held: HeldClaim): Promise<void> {
    await this.#ask(this.#next.ends, held).catch(() => {});
  }

  async endWaits(waits: readonly Wait[]): Promise<void> {
    if (waits.length === 0) return;
    await this.#ask(this.#next.waits, waits).catch(() => {
      this.#endedWaits.push(...waits);
      this.#tryAgain();
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    while (this.#running !== null || this.#isDue || size(this.#next) > 0) {
      await (this.#running ?? this.#flush());
    }
    if (this.#abandoned.size > 0) await this.#flush();
    clearTimeout(this.#again ?? undefined);
  }

  #ask<Request, Reply>(list: Asked<Request, Reply>[], request: Request): Promise<Reply> {
    return new Promise((resolve, reject) => {
      list.push({ request, resolve, reject });
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#running !== null || this.#isDue) return;
    const { claims, ends, waits, stores } = this.#next;
    const isAlone = performance.now() - this.#writtenAt > 10 * LINGER_MS;
    if (claims.length > 0 || ends.length > 0 || waits.length > 0 || stores.length >= ENOUGH || isAlone) {
      clearTimeout(this.#lingering ?? undefined);
      this.#lingering = null;
      this.#isDue = true;
      // After the calls of this turn have all come.
      setImmediate(() => void this.#flush());
      return;
    }
    this.#lingering ??= setTimeout(() => void this.#flush(), LINGER_MS);
  }

  async #flush(): Promise<void> {
    clearTimeout(this.#lingering ?? undefined);
    this.#lingering = null;
    this.#isDue = false;
    if (this.#running !== null) return this.#running;
    const batch = this.#next;
    this.#next = emptyBatch();
    this.#running = this.#write(batch);
    await this.#running;
    if (this.#options.index.isLarge) {
      this.#running = this.#settle();
      await this.#running;
    }
    this.#running = null;
    this.#writtenAt = performance.now();
    if (size(this.#next) > 0) this.#schedule();
  }

  /** A slice of what is to be settled. What fails now is tried again after the next commit. */
  async #settle(): Promise<void> {
    await this.#options.database.write(settleSlice, NOT_SYNCED).catch(() => {});
  }

  /** Never rejects: the calls do. */
  async #write(batch: Batch): Promise<void> {
    try {
      const answer = await this.#transact(batch);
      answer();
    } catch (error) {
      this.#options.index.forget();
      if (size(batch) > 1 && this.#options.database.isDataError(error)) {
        for (const single of singles(batch)) await this.#write(single);
        return;
      }
      // The transaction may have come through although its answer did not. Who stores may ask again, or ends the claim.
      for (const { request } of [...batch.ends, ...batch.claims]) {
        this.#abandoned.set(request.token, { hash: request.hash, token: request.token });
      }
      this.#tryAgain();
      for (const asked of everything(batch)) asked.reject(error);
    }
  }

  #tryAgain(): void {
    if (this.#isClosed || this.#again !== null || this.#abandoned.size + this.#endedWaits.length === 0) return;
    this.#again = setTimeout(() => {
      this.#again = null;
      void this.#flush();
    }, AGAIN_MS);
    this.#again.unref();
  }

  /** Writes a batch; resolves to the function that tells the calls. */
  async #transact(batch: Batch): Promise<() => void> {
    const { database, reach } = this.#options;
    const abandoned = [...this.#abandoned.values()];
    const endedWaits = [...this.#endedWaits];
    if (size(batch) + abandoned.length + endedWaits.length === 0) return () => {};
    const { stored, replies, tasks } = await database.write(async (tx) => {
      const tasks = await this.#tasks.note(tx, tasksOf(batch));
      await endWaits(tx, [...endedWaits, ...batch.waits.flatMap((asked) => asked.request)]);
      const ends = [...abandoned, ...batch.ends.map((asked) => asked.request)];
      if (ends.length > 0) await endClaims(tx, ends);
      const stored = await this.#store(tx, batch.stores, tasks.of);
      const replies = await claimKeys(
        tx,
        batch.claims.map((asked) => asked.request),
        { ...this.#options, abandoned: this.#abandoned, taskNoOf: tasks.of },
      );
      return { stored, replies, tasks };
    }, NOT_SYNCED);
    tasks.keep();
    this.#endedWaits = this.#endedWaits.slice(endedWaits.length);
    for (const held of abandoned) this.#abandoned.delete(held.token);
    return () => {
      if (batch.stores.length > 0) reach('after-memo-store');
      if (batch.ends.length > 0) reach('after-memo-release');
      if (replies.some((reply) => reply.kind === 'mine')) reach('after-memo-claim');
      for (const asked of batch.stores) asked.resolve(stored.has(asked.request.token));
      for (const asked of [...batch.ends, ...batch.waits]) asked.resolve();
      batch.claims.forEach((asked, n) => {
        asked.resolve(replies[n] as ClaimReply);
      });
    };
  }

  async #store(
    tx: Transaction,
    asked: readonly Asked<StoreRequest, boolean>[],
    taskNoOf: TaskNoOf,
  ): Promise<ReadonlySet<string>> {
    if (asked.length === 0) return new Set();
    const current = await endClaims(
      tx,
      asked.map(({ request }) => request),
    );
    this.#options.reach('inside-memo-store');
    const entries: NewEntry[] = [];
    for (const { request } of asked) {
      if (current.has(request.token)) entries.push({ ...request, taskNo: taskNoOf(request.task) });
    }
    await writeEntries(tx, entries);
    return current;
  }
}

const size = ({ claims, stores, ends, waits }: Batch): number =>
  claims.length + stores.length + ends.length + waits.length;

const everything = ({ claims, stores, ends, waits }: Batch): readonly { reject(error: unknown): void }[] => [
  ...claims,
  ...stores,
  ...ends,
  ...waits,
];

const tasksOf = ({ claims, stores }: Batch): ReadonlySet<MemoTask> =>
  new Set([...claims, ...stores].map(({ request }) => request.task));

/** Each call of a batch in a batch of its own. */
function singles({ claims, stores, ends, waits }: Batch): readonly Batch[] {
  return [
    ...waits.map((asked) => ({ ...emptyBatch(), waits: [asked] })),
    ...ends.map((asked) => ({ ...emptyBatch(), ends: [asked] })),
    ...stores.map((asked) => ({ ...emptyBatch(), stores: [asked] })),
    ...claims.map((asked) => ({ ...emptyBatch(), claims: [asked] })),
  ];
}
