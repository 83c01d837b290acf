import { HoldfastError, showValue } from '../definitions/errors.ts';
import type { Tx } from '../definitions/tx.ts';
import type { RecordedTransactions } from '../sinks/recorded-transactions.ts';

/** The transactions of one attempt at a user's function and the tasks within it, told apart by whose they are and their order. */
export class AttemptEffects {
  readonly #transactions: RecordedTransactions;
  readonly #scope: readonly (string | number)[];
  readonly #counts = new Map<string, number>();

  /** `scope` is the same in all attempts, and another for everything else. */
  constructor(transactions: RecordedTransactions, scope: readonly (string | number)[]) {
    this.#transactions = transactions;
    this.#scope = scope;
  }

  /** `steps`: which of the tasks within; empty for the function itself. Errors: as `ctx.transaction`. */
  async run<T>(url: string, steps: string, fn: (tx: Tx) => T | PromiseLike<T>): Promise<T> {
    if (typeof url !== 'string') throw new HoldfastError('HF_DATABASE_URL', { url: showValue(url) });
    const number = (this.#counts.get(steps) ?? 0) + 1;
    this.#counts.set(steps, number);
    return this.#transactions.run(url, { scope: JSON.stringify([...this.#scope, steps]), number }, fn);
  }
}
