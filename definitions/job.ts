import type { BatchContext, ItemContext } from './context.ts';
import type { Duration } from './duration.ts';
import { HoldfastError, showValue } from './errors.ts';
import type { Failed } from './failed.ts';
import type { JobSpec } from './job-spec.ts';
import { normalizeJob } from './job-spec.ts';
import type { Params, ParamsSpec } from './params.ts';
import type { Retry } from './retry.ts';
import type { Sink } from './sink.ts';
import type { Source } from './source.ts';
import type { StandardSchemaV1 } from './standard-schema.ts';
import type { Task } from './task.ts';

export type { JobSpec, JobWork, Tolerance } from './job-spec.ts';

type Awaitable<T> = T | PromiseLike<T>;

const mark = Symbol.for('holdfast.job');

/** A source of items, what is run for each, and where the results go. Made by {@link defineJob}. */
export interface Job<out Name extends string, P, Item, R> {
  readonly name: Name;
  /** Never there: carries the job's types for clients. */
  readonly types?: { readonly params: P; readonly item: Item; readonly result: R };
  /**
   * The same job with its results going to `sink`. Without a sink they are kept, to be read with `holdfast results`.
   */
  to(sink: Sink<Item, R> | ((params: P) => Sink<Item, R>)): Job<Name, P, Item, R>;
}

/** Any job, whatever its types. */
export interface AnyJob {
  readonly name: string;
}

export interface JobOptions<Name extends string, S extends ParamsSpec, Raw, Item> {
  /** Letters, digits, `-`, `_` and `.`; the job's task queue and the beginning of its id. */
  readonly name: Name;
  /** What the job is started with: `{ file: 'string', top: 'number?' }`, or a Standard Schema. @default none */
  readonly params?: S;
  /** Where the items come from, or a function of the params that returns it. */
  readonly source: Source<Raw> | ((params: Params<S>) => Source<Raw>);
  /** Any Standard Schema: checks each item; one that does not fit is quarantined. */
  readonly schema?: StandardSchemaV1<unknown, Item>;
  /** The user's identity of an item, unique within the job. The same item must give the same key each time. */
  readonly key: (item: NoInfer<Item>) => string | number;
  /** The job's id. @default the name and a short hash of the params */
  readonly id?: (params: Params<S>) => string;
  /** What `ctx.idempotencyKey` is for an item. @default made of job id, generation and item key */
  readonly idempotencyKey?: (item: NoInfer<Item>, params: Params<S>) => string;
  /** Items in flight over all workers. @default 10 */
  readonly concurrency?: number;
  /** Calls a second over all workers, further tries counted. @default no limit */
  readonly ratePerSecond?: number;
  /**
   * How many items may be quarantined before the job is failed: a count, or a share of the items read.
   * @default '5%'
   */
  readonly tolerate?: { readonly failures: number | `${number}%` };
  /** What becomes of a record whose key another one has: quarantined, or left out. @default 'quarantine' */
  readonly onDuplicateKey?: 'quarantine' | 'first';
  /** Bytes of one record as read; a larger one is quarantined. @default 1,000,000 */
  readonly itemBytesMax?: number;
  /** Items waiting for another try; at that number reading stops until some are decided. @default 10,000 */
  readonly maxWaiting?: number;
  /**
   * For `run` and `runBatch`; with `task` the task's own stands.
   * @default 5 attempts, 1s doubling up to 60s, jitter 0.2
   */
  readonly retry?: Retry;
  /** For one attempt of `run` or `runBatch` (`false`: no limit); with `task` the task's own stands. @default '5 min' */
  readonly timeout?: Duration | false;
  /** Whether `console.log` and the like go to the log with job, item and attempt. @default false */
  readonly logConsole?: boolean;
}

/** What is run for each item: exactly one of `task`, `run` and `runBatch`. */
export type Work<P, Item, In, R> =
  | {
      /** What `defineTask` returned. */
      readonly task: Task<string, In, R>;
      /** What the task gets of an item, where the item itself does not fit. */
      readonly input: (item: Item) => In;
      readonly run?: never;
      readonly runBatch?: never;
      readonly batchSize?: never;
    }
  | {
      readonly task: Task<string, NoInfer<Item>, R>;
      readonly input?: never;
      readonly run?: never;
      readonly runBatch?: never;
      readonly batchSize?: never;
    }
  | {
      /** Called for each item, at least once. */
      readonly run: (item: Item, ctx: ItemContext<P>) => Awaitable<R>;
      readonly task?: never;
      readonly input?: never;
      readonly runBatch?: never;
      readonly batchSize?: never;
    }
  | {
      /** Returns an outcome an item, in order: a value, or `failed(error)`. */
      readonly runBatch: (items: readonly Item[], ctx: BatchContext<P>) => Awaitable<readonly (R | Failed)[]>;
      /** Items a call, at most. @default 100 */
      readonly batchSize?: number;
      readonly task?: never;
      readonly input?: never;
      readonly run?: never;
    };

/**
 * Defines a job.
 *
 * @example
 * export default defineJob({
 *   name: 'enrich-orders',
 *   params: { file: 'string' },
 *   source: (params) => csv(params.file, { columns: ['order_id', 'town'] }),
 *   key: (row) => row.order_id,
 *   run: async (row, ctx) => locate(row.town, ctx.signal),
 * }).to(sqlTable({
 *   url: 'sqlite:orders.db', table: 'located', key: 'order_id',
 *   row: (item, place) => ({ order_id: item.order_id, lat: place.lat }),
 * }));
 *
 * @throws HF_DEFINITION_INVALID, HF_DURATION_INVALID
 */
export function defineJob<
  const Name extends string,
  const S extends ParamsSpec = Record<never, never>,
  Raw = unknown,
  Item = Raw,
  In = unknown,
  R = unknown,
>(job: JobOptions<Name, S, Raw, Item> & Work<Params<S>, Item, In, R>): Job<Name, Params<S>, Item, R> {
  return makeJob<Name, Params<S>, Item, R>(normalizeJob(job));
}

function makeJob<Name extends string, P, Item, R>(spec: JobSpec): Job<Name, P, Item, R> {
  const job: Job<Name, P, Item, R> = {
    name: spec.name as Name,
    to: (sink) => makeJob(Object.freeze({ ...spec, sink: sinkOf(spec.name, sink) })),
  };
  return Object.freeze(Object.defineProperty(job, mark, { value: spec }));
}

function sinkOf(job: string, sink: unknown): NonNullable<JobSpec['sink']> {
  if (typeof sink === 'function') return sink as NonNullable<JobSpec['sink']>;
  if (typeof sink === 'object' && sink !== null && 'kind' in sink && typeof sink.kind === 'string') {
    return () => sink as ReturnType<NonNullable<JobSpec['sink']>>;
  }
  const problem = 'give what sqlTable or another sink returns, or a function of the params that returns it';
  throw new HoldfastError('HF_DEFINITION_INVALID', {
    what: `job ${job}`,
    option: 'to',
    value: showValue(sink),
    problem,
  });
}

/** Whether a value is a job of any copy of the package. */
export function isJob(value: unknown): value is AnyJob {
  return typeof value === 'object' && value !== null && mark in value;
}

export function jobSpecOf(job: AnyJob): JobSpec {
  return (job as unknown as { readonly [mark]: JobSpec })[mark];
}

/** The specs by name of jobs that run together; the same job may come several times. @throws HF_JOB_NAME_TWICE */
export function collectJobs(jobs: Iterable<AnyJob>): ReadonlyMap<string, JobSpec> {
  const collected = new Map<string, JobSpec>();
  for (const job of jobs) {
    const spec = jobSpecOf(job);
    const other = collected.get(spec.name);
    if (other !== undefined && other !== spec) throw new HoldfastError('HF_JOB_NAME_TWICE', { job: spec.name });
    collected.set(spec.name, spec);
  }
  return collected;
}
