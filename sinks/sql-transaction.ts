import { withoutPassword } from '../database/url.ts';
import { checkOptions } from '../definitions/check-options.ts';
import { type Duration, parseDuration } from '../definitions/duration.ts';
import { HoldfastError, showValue } from '../definitions/errors.ts';
import { DEFAULTS } from '../definitions/limits.ts';
import type { Outcome, Sink } from '../definitions/sink.ts';
import type { Tx } from '../definitions/tx.ts';
import type { TransactionalSinkPort } from './sink.ts';
import { runUserCallback } from './user-transaction.ts';

export interface SqlTransactionOptions {
  /** How long the callback may take; other writers of the database wait meanwhile. @default '30s' */
  readonly transactionTimeout?: Duration;
}

/**
 * Hands results to a function of yours inside a transaction: what it does through `tx` commits together with the ledger,
 * so exactly once. It is called for many outcomes at a time, and again for halves of them where one makes it fail.
 *
 * Errors: HF_TX_PENDING, HF_TX_FAILED, HF_TX_TIMEOUT, HF_TX_REFUSED, HF_TX_STATEMENT, HF_TX_ENDED_INSIDE, HF_TX_CLOSED; of an item: HF_TX_VALUE, HF_TX_CALLBACK.
 *
 * @example
 * job.to(sqlTransaction('sqlite:stock.db', async (tx, outcomes) => {
 *   for (const { key, result } of outcomes) await tx.run('UPDATE stock SET count = count - ? WHERE id = ?', [result, key]);
 * }));
 */
export function sqlTransaction<Item, R>(
  url: string,
  write: (tx: Tx, outcomes: readonly Outcome<Item, R>[]) => void | PromiseLike<void>,
  options: SqlTransactionOptions = {},
): Sink<Item, R> {
  const what = 'sqlTransaction';
  if (typeof url !== 'string' || url === '') throw invalid('url', url, 'give a database, such as sqlite:orders.db');
  if (typeof write !== 'function') throw invalid('write', write, 'give a function that takes tx and outcomes');
  checkOptions({ what }, options, { transactionTimeout: 'duration' });
  const given = options.transactionTimeout;
  const timeoutMs = given === undefined ? DEFAULTS.transactionTimeoutMs : parseDuration(given, 'transactionTimeout');
  const shown = withoutPassword(url);
  const sink: TransactionalSinkPort<Item, R> = {
    kind: what,
    identity: JSON.stringify({ kind: what, url: shown }),
    title: `a transaction on ${shown}`,
    url,
    open: async () => ({
      prepare: () => null,
      write: async (tx, batch) => {
        const outcomes = batch.map((prepared) => prepared.outcome);
        await runUserCallback(tx, timeoutMs, (user) => write(user, outcomes));
      },
    }),
  };
  return sink;
}

function invalid(option: string, value: unknown, problem: string): HoldfastError {
  return new HoldfastError('HF_DEFINITION_INVALID', {
    what: 'sqlTransaction',
    option,
    value: showValue(value),
    problem,
  });
}
