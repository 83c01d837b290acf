import { installTransactions } from './definitions/task-runtime.ts';
import { runBareTransaction } from './sinks/recorded-transactions.ts';

export type { BatchContext, ItemContext, Logger, TaskContext } from './definitions/context.ts';
export type { Duration } from './definitions/duration.ts';
export { type ErrorCode, HoldfastError, isHoldfastError } from './definitions/errors.ts';
export { type Failed, failed } from './definitions/failed.ts';
export { type AnyJob, defineJob, type Job, type JobOptions, type Work } from './definitions/job.ts';
export { DEFAULTS } from './definitions/limits.ts';
export type { Memoize } from './definitions/memoize.ts';
export type { ParamSpec, Params, ParamsSpec } from './definitions/params.ts';
export { type Retry, RetryAfter, type RetryInfo } from './definitions/retry.ts';
export type { Outcome, Sink } from './definitions/sink.ts';
export type { Source } from './definitions/source.ts';
export type { StandardSchemaV1 } from './definitions/standard-schema.ts';
export { defineTask, type Task, type TaskOptions } from './definitions/task.ts';
export type { Tx } from './definitions/tx.ts';
export type { JsonValue, Storable } from './definitions/values.ts';
export { type SqlTableOptions, sqlTable } from './sinks/sql-table.ts';
export { type SqlTransactionOptions, sqlTransaction } from './sinks/sql-transaction.ts';
export { type CsvItem, type CsvOptions, csv } from './sources/csv.ts';
export { items } from './sources/items.ts';
export { jsonl } from './sources/jsonl.ts';

installTransactions(runBareTransaction);
