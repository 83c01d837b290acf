import type { Database, Transaction } from '../database/database.ts';
import { type ClaimRow, endClaims, type HeldClaim, type NewClaim, readClaims, writeClaims } from './claim-rows.ts';
import { judge, type StoredRow } from './entry.ts';
import type { EntryIndex } from './entry-index.ts';
import { type NewEntry, writeEntries } from './entry-rows.ts';
import type { MemoTask } from './memoization.ts';
import type { MemoPoint } from './points.ts';
import { settleSlice } from './settle.ts';
import { TaskNumbers } from './task-numbers.ts';
import { endWaits, findCircle, type Wait, writeWaits } from './wait-rows.ts';

export interface ClaimRequest {
  readonly task: MemoTask;
  readonly hash: string;
  readonly token: string;
  readonly notBefore: number | null;
  /** The computations that would wait if the key is another's. */
  readonly waits: readonly Wait[];
  /** A stored result that turned out damaged. */
  readonly damaged: StoredRow | null;
  /** Tokens and owners that are known to be over. */
  readonly deadTokens: ReadonlySet<string>;
  readonly deadOwners: ReadonlySet<string>;
}

export type ClaimReply =
  | { readonly kind: 'mine' }
  | { readonly kind: 'entry'; readonly row: StoredRow }
  | { readonly kind: 'busy'; readonly holder: ClaimRow }
  /** `owners`: those of the waits that make the circle. */
  | { readonly kind: 'circle'; readonly owners: ReadonlySet<string> };

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
  #again: NodeJS.Timeout | null = null;

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
    if (waits.length > 0) await this.#ask(this.#next.waits, waits).catch(() => {});
  }

  /** A claim that nobody knows of any more. */
  abandon(held: HeldClaim): void {
    this.#abandoned.set(held.token, held);
    this.#tryAgain();
  }

  async close(): Promise<void> {
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
      // The transaction may have come through although its answer did not.
      for (const { request } of [...batch.ends, ...batch.stores, ...batch.claims]) {
        this.#abandoned.set(request.token, { hash: request.hash, token: request.token });
      }
      this.#tryAgain();
      for (const asked of everything(batch)) asked.reject(error);
    }
  }

  #tryAgain(): void {
    if (this.#again !== null || this.#abandoned.size === 0) return;
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
    if (size(batch) === 0 && abandoned.length === 0) return () => {};
    const tasks = this.#tasks.begin();
    const { stored, replies } = await database.write(async (tx) => {
      await endWaits(
        tx,
        batch.waits.flatMap((asked) => asked.request),
      );
      const ends = [...abandoned, ...batch.ends.map((asked) => asked.request)];
      if (ends.length > 0) await endClaims(tx, ends);
      const stored = await this.#store(tx, batch.stores, tasks.of);
      const replies = await this.#claim(tx, batch.claims, tasks.of);
      return { stored, replies };
    }, NOT_SYNCED);
    tasks.keep();
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
      if (current.has(request.token)) entries.push({ ...request, taskNo: await taskNoOf(tx, request.task) });
    }
    await writeEntries(tx, entries);
    return current;
  }

  async #claim(
    tx: Transaction,
    asked: readonly Asked<ClaimRequest, ClaimReply>[],
    taskNoOf: TaskNoOf,
  ): Promise<readonly ClaimReply[]> {
    if (asked.length === 0) return [];
    const { owner, now } = this.#options;
    const hashes = [...new Set(asked.map(({ request }) => request.hash))].sort();
    const entries = await this.#options.index.read(tx, hashes);
    const claims = await readClaims(tx, hashes);
    const made = new Map<string, NewClaim>();
    const replies: ClaimReply[] = [];
    const at = now();
    for (const { request } of asked) {
      const reply = await this.#decide(tx, request, entries.get(request.hash), claims.get(request.hash), at);
      replies.push(reply);
      if (reply.kind !== 'mine') continue;
      const { hash, token } = request;
      made.set(hash, { hash, token, owner, taskNo: await taskNoOf(tx, request.task), claimedAt: at });
      claims.set(hash, { key: new Uint8Array(), token, owner });
    }
    await writeClaims(
      tx,
      [...made.values()].sort((a, b) => (a.hash < b.hash ? -1 : 1)),
    );
    return replies;
  }

  async #decide(
    tx: Transaction,
    request: ClaimRequest,
    entry: StoredRow | undefined,
    holder: ClaimRow | undefined,
    now: number,
  ): Promise<ClaimReply> {
    const { task, notBefore, damaged, waits } = request;
    if (entry !== undefined && !isSame(entry, damaged) && judge(entry, task, { now, notBefore }).kind === 'valid') {
      return { kind: 'entry', row: entry };
    }
    if (holder === undefined || request.deadTokens.has(holder.token) || this.#abandoned.has(holder.token)) {
      return { kind: 'mine' };
    }
    if (waits.length > 0) {
      const own = new Set(waits.map((wait) => wait.waiter));
      const owners = await findCircle(tx, { from: request.hash, own, dead: request.deadOwners });
      if (owners !== null) return { kind: 'circle', owners };
      await writeWaits(tx, waits, this.#options.owner);
    }
    return { kind: 'busy', holder };
  }
}

type TaskNoOf = (tx: Transaction, task: MemoTask) => Promise<number>;

const size = ({ claims, stores, ends, waits }: Batch): number =>
  claims.length + stores.length + ends.length + waits.length;

const isSame = (entry: StoredRow, damaged: StoredRow | null): boolean =>
  damaged !== null && entry.entry_no === damaged.entry_no && entry.made_at === damaged.made_at;

const everything = ({ claims, stores, ends, waits }: Batch): readonly { reject(error: unknown): void }[] => [
  ...claims,
  ...stores,
  ...ends,
  ...waits,
];

/** Each call of a batch in a batch of its own. */
function singles({ claims, stores, ends, waits }: Batch): readonly Batch[] {
  return [
    ...waits.map((asked) => ({ ...emptyBatch(), waits: [asked] })),
    ...ends.map((asked) => ({ ...emptyBatch(), ends: [asked] })),
    ...stores.map((asked) => ({ ...emptyBatch(), stores: [asked] })),
    ...claims.map((asked) => ({ ...emptyBatch(), claims: [asked] })),
  ];
}
