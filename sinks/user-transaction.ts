import type { SqlRow, SqlValue, Transaction } from '../database/database.ts';
import { HoldfastError, isHoldfastError } from '../definitions/errors.ts';
import type { Tx } from '../definitions/tx.ts';
import { toSqlValue, ValueProblem } from './sql-value.ts';
import { checkStatement, showStatement } from './statement-check.ts';
import { UserOperation } from './user-operation.ts';

/**
 * Gives a transaction to a user's callback, and takes it back.
 *
 * Throws HF_TX_TIMEOUT, HF_TX_PENDING (an operation was not awaited), HF_TX_FAILED (a statement's error was caught), HF_TX_CALLBACK
 * (the callback threw an error of its own), and what a statement threw. In the callback: HF_TX_CLOSED, HF_TX_REFUSED, HF_TX_STATEMENT,
 * HF_TX_VALUE.
 */
export async function runUserCallback<T>(
  tx: Transaction,
  timeoutMs: number,
  callback: (tx: Tx) => T | PromiseLike<T>,
): Promise<T> {
  const handle = new UserTransaction(tx);
  try {
    const result = await withTimeout(async () => callback(handle), timeoutMs);
    await handle.settle();
    return result;
  } catch (error) {
    throw handle.explain(error);
  } finally {
    handle.close();
  }
}

class UserTransaction implements Tx {
  readonly #tx: Transaction;
  #isClosed = false;
  #unobserved = 0;
  readonly #running = new Set<Promise<unknown>>();
  #failure: { readonly error: unknown } | null = null;

  constructor(tx: Transaction) {
    this.#tx = tx;
  }

  run(sql: string, params: readonly unknown[] = []): Promise<number> {
    return this.#start(() => this.#tx.run(sql, convertParams(sql, params)));
  }

  all<Row extends object = SqlRow>(sql: string, params: readonly unknown[] = []): Promise<Row[]> {
    return this.#start(() => this.#tx.all<Row>(sql, convertParams(sql, params)));
  }

  close(): void {
    this.#isClosed = true;
  }

  /** After the callback has ended without an error: whether what it did may be committed. */
  async settle(): Promise<void> {
    this.close();
    if (this.#unobserved > 0) throw new HoldfastError('HF_TX_PENDING', { count: this.#unobserved });
    await Promise.allSettled(this.#running);
    if (this.#failure === null) return;
    throw caught(this.#failure.error);
  }

  /** Errors of the database and ours stand for themselves; one of the callback's own is said to be its own. */
  explain(error: unknown): unknown {
    if (isHoldfastError(error) || error === this.#failure?.error) return error;
    // A statement failed, and the callback threw something else about it.
    if (this.#failure !== null) return caught(this.#failure.error);
    return new HoldfastError('HF_TX_CALLBACK', { reason: reasonOf(error) }, { cause: error });
  }

  #start<T>(operation: () => Promise<T>): Promise<T> {
    const work = this.#perform(operation);
    this.#unobserved += 1;
    this.#running.add(work);
    const forget = (): void => void this.#running.delete(work);
    work.then(forget, (error: unknown) => {
      forget();
      if (!isHoldfastError(error, 'HF_TX_CLOSED')) this.#failure ??= { error };
    });
    return UserOperation.start(work, () => {
      this.#unobserved -= 1;
    });
  }

  async #perform<T>(operation: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new HoldfastError('HF_TX_CLOSED', {});
    return operation();
  }
}

function caught(cause: unknown): HoldfastError {
  return new HoldfastError('HF_TX_FAILED', { reason: reasonOf(cause) }, { cause });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Throws HF_TX_STATEMENT, HF_TX_REFUSED, HF_TX_VALUE. */
function convertParams(sql: string, params: readonly unknown[]): SqlValue[] {
  const count = checkStatement(sql);
  const statement = showStatement(sql);
  const refuse = (problem: string): never => {
    throw new HoldfastError('HF_TX_STATEMENT', { statement, problem });
  };
  if (!Array.isArray(params)) return refuse('give the values of its parameters as an array');
  // SQLite takes a missing parameter for NULL.
  if (params.length !== count) refuse(`it has ${count} parameters, and ${params.length} values were given`);
  return params.map((value, i) => {
    const converted = toSqlValue(value);
    if (converted instanceof ValueProblem) {
      const { value: shown, problem } = converted;
      throw new HoldfastError('HF_TX_VALUE', { position: i + 1, statement, value: shown, problem });
    }
    // node:sqlite binds a number as a double, which a column of text stores as '5.0'.
    return Number.isSafeInteger(converted) ? BigInt(converted as number) : converted;
  });
}

async function withTimeout<T>(work: () => Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new HoldfastError('HF_TX_TIMEOUT', { timeoutMs })), timeoutMs);
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}
