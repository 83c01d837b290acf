import { checkOptions } from './check-options.ts';
import type { BatchContext, ItemContext } from './context.ts';
import { HoldfastError, showValue } from './errors.ts';
import type { JobOptions, Work } from './job.ts';
import { DEFAULTS } from './limits.ts';
import { checkName } from './names.ts';
import { type NormalizedParams, normalizeParams, type ParamsSpec } from './params.ts';
import { normalizeRetry, type RetryPolicy } from './retry.ts';
import type { Sink } from './sink.ts';
import type { Source } from './source.ts';
import type { StandardSchemaV1 } from './standard-schema.ts';
import { checkSchema, isTask, normalizeTimeout, type TaskSpec, taskSpecOf } from './task.ts';

type ParamValues = Readonly<Record<string, unknown>>;

/** How many items may be quarantined: a count, or a share (0 to 1) of the items read. */
export type Tolerance =
  | { readonly kind: 'count'; readonly max: number }
  | { readonly kind: 'share'; readonly max: number };

export type JobWork =
  | { readonly kind: 'task'; readonly task: TaskSpec; readonly input: ((item: unknown) => unknown) | null }
  | { readonly kind: 'run'; readonly run: (item: unknown, ctx: ItemContext) => unknown }
  | {
      readonly kind: 'runBatch';
      readonly runBatch: (items: readonly unknown[], ctx: BatchContext) => unknown;
      readonly batchSize: number;
    };

/** A job's options with everything decided, its types erased. */
export interface JobSpec {
  readonly name: string;
  readonly params: NormalizedParams;
  readonly source: (params: ParamValues) => Source<unknown>;
  readonly schema: StandardSchemaV1 | null;
  readonly key: (item: unknown) => unknown;
  readonly id: ((params: ParamValues) => unknown) | null;
  readonly idempotencyKey: ((item: unknown, params: ParamValues) => unknown) | null;
  readonly concurrency: number;
  readonly ratePerSecond: number | null;
  readonly tolerate: Tolerance;
  readonly onDuplicateKey: 'quarantine' | 'first';
  readonly itemBytesMax: number;
  readonly maxWaiting: number;
  /** The task's own, where the job runs one. */
  readonly retry: RetryPolicy;
  /** Of one attempt; the task's own, where the job runs one. Null for no limit. */
  readonly timeoutMs: number | null;
  readonly logConsole: boolean;
  readonly work: JobWork;
  readonly sink: ((params: ParamValues) => Sink<unknown, unknown>) | null;
}

type GivenJob = JobOptions<string, ParamsSpec, unknown, unknown> & Work<unknown, unknown, unknown, unknown>;

const options: { readonly [Name in keyof Required<GivenJob>]: Parameters<typeof checkOptions>[2][string] } = {
  name: 'string',
  params: 'any',
  source: 'any',
  schema: 'any',
  key: 'function',
  id: 'function',
  idempotencyKey: 'function',
  concurrency: 'positive-integer',
  ratePerSecond: 'positive-number',
  tolerate: 'object',
  onDuplicateKey: 'any',
  itemBytesMax: 'positive-integer',
  maxWaiting: 'positive-integer',
  retry: 'object',
  timeout: 'duration',
  logConsole: 'boolean',
  task: 'any',
  input: 'function',
  run: 'function',
  runBatch: 'function',
  batchSize: 'positive-integer',
};

/** Checks the options of a job. @throws HF_DEFINITION_INVALID, HF_DURATION_INVALID */
export function normalizeJob(definition: unknown): JobSpec {
  const name = checkName('job', definition);
  const what = `job ${name}`;
  const job = definition as GivenJob;
  checkOptions({ what }, job, options);
  if (job.key === undefined) throw invalid(what, 'key', job.key, 'give a function that returns the key of an item');
  const work = normalizeWork(job, what);
  const retry = normalizeRetry(job.retry, what);
  const timeoutMs = normalizeTimeout(job.timeout, what);
  const task = work.kind === 'task' ? work.task : null;
  return Object.freeze({
    name,
    params: normalizeParams(job.params, what),
    source: normalizeSource(job.source, what),
    schema: checkSchema(job.schema, what),
    key: job.key,
    id: (job.id as JobSpec['id'] | undefined) ?? null,
    idempotencyKey: (job.idempotencyKey as JobSpec['idempotencyKey'] | undefined) ?? null,
    concurrency: job.concurrency ?? DEFAULTS.concurrency,
    ratePerSecond: job.ratePerSecond ?? null,
    tolerate: normalizeTolerance(job.tolerate, what),
    onDuplicateKey: normalizeOnDuplicateKey(job.onDuplicateKey, what),
    itemBytesMax: job.itemBytesMax ?? DEFAULTS.itemBytesMax,
    maxWaiting: job.maxWaiting ?? DEFAULTS.maxWaiting,
    retry: task?.retry ?? retry,
    timeoutMs: task === null ? timeoutMs : task.timeoutMs,
    logConsole: job.logConsole ?? task?.logConsole ?? false,
    work,
    sink: null,
  });
}

const invalid = (what: string, option: string, value: unknown, problem: string): HoldfastError =>
  new HoldfastError('HF_DEFINITION_INVALID', { what, option, value: showValue(value), problem });

function normalizeWork(job: GivenJob, what: string): JobWork {
  const { task, input, run, runBatch, batchSize } = job;
  const given = Object.entries({ task, run, runBatch }).filter(([, value]) => value !== undefined);
  const [first, second] = given;
  if (first === undefined) throw invalid(what, 'run', undefined, 'give one of task, run and runBatch');
  if (second !== undefined)
    throw invalid(what, second[0], second[1], `there is ${first[0]} already: give one of task, run and runBatch`);
  if (input !== undefined && task === undefined) throw invalid(what, 'input', input, 'it goes with task');
  if (batchSize !== undefined && runBatch === undefined)
    throw invalid(what, 'batchSize', batchSize, 'it goes with runBatch');
  if (run !== undefined) return { kind: 'run', run };
  if (runBatch !== undefined) return { kind: 'runBatch', runBatch, batchSize: batchSize ?? DEFAULTS.batchSize };
  if (!isTask(task)) throw invalid(what, 'task', task, 'give what defineTask returns');
  return { kind: 'task', task: taskSpecOf(task), input: input ?? null };
}

function normalizeSource(source: unknown, what: string): JobSpec['source'] {
  if (typeof source === 'function') return source as JobSpec['source'];
  if (typeof source === 'object' && source !== null && 'kind' in source && typeof source.kind === 'string') {
    return () => source as Source<unknown>;
  }
  throw invalid(
    what,
    'source',
    source,
    'give what csv, jsonl or items returns, or a function of the params that returns it',
  );
}

function normalizeTolerance(tolerate: unknown, what: string): Tolerance {
  if (tolerate === undefined) return toleranceOf(DEFAULTS.tolerate) as Tolerance;
  checkOptions({ what, prefix: 'tolerate.' }, tolerate as object, { failures: 'any' });
  const { failures } = tolerate as { readonly failures?: unknown };
  const tolerance = toleranceOf(failures);
  if (tolerance === null)
    throw invalid(what, 'tolerate.failures', failures, "give a count such as 100, or a share such as '1%'");
  return tolerance;
}

function toleranceOf(failures: unknown): Tolerance | null {
  if (typeof failures === 'number')
    return Number.isSafeInteger(failures) && failures >= 0 ? { kind: 'count', max: failures } : null;
  const percent = typeof failures === 'string' ? /^(\d+(?:\.\d+)?)%$/.exec(failures)?.[1] : undefined;
  const max = Number(percent) / 100;
  return max >= 0 && max <= 1 ? { kind: 'share', max } : null;
}

function normalizeOnDuplicateKey(value: unknown, what: string): JobSpec['onDuplicateKey'] {
  if (value === undefined) return 'quarantine';
  if (value === 'quarantine' || value === 'first') return value;
  throw invalid(what, 'onDuplicateKey', value, "give 'quarantine' or 'first'");
}
