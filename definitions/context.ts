import type { Tx } from './tx.ts';

type Awaitable<T> = T | PromiseLike<T>;

/** Writes to the job's log, with the job, item and attempt beside what is given. */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** What a user's function is given besides its input. */
export interface TaskContext {
  /**
   * Aborted when the attempt is over its `timeout`, the job is cancelled or the process leaves: pass it on to
   * `fetch` and the like.
   */
  readonly signal: AbortSignal;
  /** 1 for the first call for this item; one more after each failure. A crash or a `RetryAfter` does not count. */
  readonly attempt: number;
  /**
   * The same over tries and restarts, another for each item and generation: for receivers that drop repeated
   * requests.
   */
  readonly idempotencyKey: string;
  /** The id of the job that this runs in; empty where a task is called outside any. */
  readonly jobId: string;
  /** The key of the item that this runs for; empty where a task is called outside any job. */
  readonly itemKey: string;
  /** The job's params. In `run` they are typed. */
  readonly params: unknown;
  /** Writes to the log, with job, item and attempt. */
  readonly log: Logger;
  /**
   * Runs a step and records what it returned: a later try of the item gets the record instead of running it again. At
   * least once across a kill. `name` tells the steps of an item apart.
   *
   * @throws HF_ONCE_NAME, HF_RESULT_NOT_STORABLE
   */
  once<T>(name: string, fn: () => Awaitable<T>): Promise<T>;
  /**
   * Runs a transaction on a database of yours (`sqlite:orders.db`), exactly once a task call in a workflow, or once an item and
   * generation in a job: what it wrote and that it did commit together, so that a later try gets what `fn` returned
   * then instead of running it again, whatever was killed in between. The calls of an attempt are told apart by their order. Not in
   * a memoized task: a stored result would be taken without writing.
   *
   * @example
   * await ctx.transaction('sqlite:shop.db', (tx) => tx.run('UPDATE stock SET count = count - 1 WHERE id = ?', [id]));
   *
   * @throws HF_TRANSACTION_MEMOIZED, HF_RESULT_NOT_STORABLE, HF_TX_CALLBACK, HF_TX_PENDING, HF_TX_FAILED, HF_TX_TIMEOUT, HF_TX_VALUE, HF_TX_STATEMENT,
   * HF_TX_REFUSED, HF_DATABASE_URL and what opening the database throws
   */
  transaction<T>(url: string, fn: (tx: Tx) => Awaitable<T>): Promise<T>;
}

/** What a job's `run` is given besides the item. */
export interface ItemContext<P = unknown> extends TaskContext {
  readonly params: P;
}

/**
 * What a job's `runBatch` is given besides the items. There is no idempotency key of the whole batch: after a
 * failure or a restart an item may stand in a batch with others.
 */
export interface BatchContext<P = unknown> extends Pick<ItemContext<P>, 'signal' | 'jobId' | 'params' | 'log'> {
  /** Of each item, in order. */
  readonly itemKeys: readonly string[];
  /** Of each item, in order: the same over tries and restarts. */
  readonly idempotencyKeys: readonly string[];
  /** Of each item, in order: 1 for its first call. */
  readonly attempts: readonly number[];
}
