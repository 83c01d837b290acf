import type { Database, Transaction } from '../database/database.ts';
import type { Outcome, Sink } from '../definitions/sink.ts';

/** What a sink made of an outcome outside the transaction (rows to write), or why it could not (quarantines the item). */
export interface Prepared<Item, R> {
  readonly outcome: Outcome<Item, R>;
  readonly rows: unknown;
}

export interface SinkSession<Item, R> {
  /**
   * Turns an outcome into what `write` takes, before the transaction opens. Throws for an outcome that cannot be written
   * (undefined in a row, a value the column cannot take): that item is quarantined with the error.
   */
  prepare(outcome: Outcome<Item, R>): unknown;
  /**
   * Writes prepared outcomes inside the ledger's transaction. When it throws, everything is rolled back; a data error is
   * narrowed down to its item by writing halves.
   */
  write(tx: Transaction, batch: readonly Prepared<Item, R>[]): Promise<void>;
}

/** A sink whose effects commit in one transaction with the ledger, which lives in the same database. */
export interface TransactionalSinkPort<Item, R> extends Sink<Item, R> {
  /** Which sink this is, as JSON text. Another identity under an unfinished generation is refused. */
  readonly identity: string;
  /** How the identity reads in a message, such as `table orders_located in sqlite:orders.db`. */
  readonly title: string;
  /** The database's URL as the user gave it (`sqlite:orders.db`); the ledger lives there too. */
  readonly url: string;
  /** Checks what can be checked before the first item (columns, unique key, permission) and returns what writes. */
  open(database: Database): Promise<SinkSession<Item, R>>;
}
