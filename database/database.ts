/** What a database takes and gives. Booleans, dates and the like are converted by whoever calls. */
export type SqlValue = string | number | bigint | Uint8Array | null;
export type SqlRow = Record<string, SqlValue>;

/** One open transaction. Dead as soon as its work settles. SQL uses `?` for parameters in every dialect. */
export interface Transaction {
  /** Runs one statement; resolves to the number of rows it changed. */
  run(sql: string, params?: readonly SqlValue[]): Promise<number>;
  /** Runs one statement once for each list of parameters, in order; resolves to the number of rows changed in all. */
  runMany(sql: string, rows: readonly (readonly SqlValue[])[]): Promise<number>;
  /** Integers come as numbers, those beyond 2^53 as bigints. */
  all<Row extends object = SqlRow>(sql: string, params?: readonly SqlValue[]): Promise<Row[]>;
  /** Runs several statements without parameters: migrations. */
  runScript(sql: string): Promise<void>;
}

export interface WriteOptions {
  /**
   * `false` does not wait for the disk: the commit outlives the process, killed or not, but perhaps not a power cut. For what can be
   * computed again. @default true
   */
  readonly durable?: boolean;
}

/**
 * The structural port behind which SQLite (and PostgreSQL) stand. A commit is durable when `write` resolves.
 * Busy and lost connections at the start of a transaction are retried inside, with jitter; what comes out is final:
 * a `HoldfastError` for what an operator must mend, else the driver's error, which `isDataError` classifies.
 */
export interface Database {
  readonly dialect: 'sqlite' | 'postgres';
  /** Absolute, without a password. */
  readonly url: string;
  /** One writer at a time a process and database. */
  write<T>(work: (tx: Transaction) => Promise<T>, options?: WriteOptions): Promise<T>;
  /** A consistent snapshot; writes are refused. */
  read<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** Whether an error is about the rows (constraint, type, size), so that narrowing down to the row helps. */
  isDataError(error: unknown): boolean;
  /** Throws HF_DATABASE_MOVED where the file was removed or replaced since it was opened; every transaction starts with it. */
  checkFile(): void;
  close(): Promise<void>;
}
