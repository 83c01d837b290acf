/** What a column holds. */
type Column = string | number | bigint | Uint8Array | null;

/**
 * A transaction in the user's hands. It ends with the callback that it was given to; Holdfast begins and commits it. SQL
 * has `?` for each parameter. Dates become ISO text, booleans 1 and 0.
 */
export interface Tx {
  /** Runs one statement; resolves to the number of rows it changed. */
  run(sql: string, params?: readonly unknown[]): Promise<number>;
  /** Runs one statement; resolves to its rows. Integers beyond 2^53 come as bigints. */
  all<Row extends object = Record<string, Column>>(sql: string, params?: readonly unknown[]): Promise<Row[]>;
}
