import { bareContext } from './bare-context.ts';
import { checkOptions, type OptionsOf } from './check-options.ts';
import type { TaskContext } from './context.ts';
import { type Duration, parseDuration } from './duration.ts';
import { HoldfastError, showValue } from './errors.ts';
import { DEFAULTS } from './limits.ts';
import { type MemoizeOf, type MemoizeSpec, normalizeMemoize } from './memoize.ts';
import { checkName } from './names.ts';
import { normalizeRetry, type Retry, type RetryPolicy } from './retry.ts';
import { isStandardSchema, type StandardSchemaV1, validate } from './standard-schema.ts';
import { installedTaskRuntime, noteTaskDefined } from './task-runtime.ts';

type Awaitable<T> = T | PromiseLike<T>;

const mark = Symbol.for('holdfast.task');

/**
 * A named, versioned, retried function. Give it to a job as `task`, or call it inside `run`. Made by
 * {@link defineTask}.
 */
export interface Task<out Name extends string, in I, out R> {
  readonly name: Name;
  (input: I): Promise<R>;
}

/** Any task, whatever its types. */
export type AnyTask = Task<string, never, unknown>;

export interface TaskOptions<Name extends string, I, R, Given = I> {
  /** Letters, digits, `-`, `_` and `.`; tells tasks apart. */
  readonly name: Name;
  /** What computes something else gets another version. @default '1' */
  readonly version?: string;
  /** Any Standard Schema (zod, valibot, arktype): checks the input before `run` gets what the schema makes of it. */
  readonly schema?: StandardSchemaV1<Given, I>;
  /** Called for each input, at least once. */
  readonly run: (input: I, ctx: TaskContext) => Awaitable<R>;
  /** Stored results in place of calls: of an input that was computed before, the result is taken again. @default false */
  readonly memoize?: false | MemoizeOf<NoInfer<I>, NoInfer<R>>;
  /** When and how often a failed call is made again. @default 5 attempts, 1s doubling up to 60s, jitter 0.2 */
  readonly retry?: Retry;
  /** For one attempt; `false` for no limit. @default '5 min' */
  readonly timeout?: Duration | false;
  /** Whether `console.log` and the like go to the log with job, item and attempt. @default false */
  readonly logConsole?: boolean;
}

/** {@link TaskOptions} with everything decided. */
export interface TaskSpec {
  readonly name: string;
  readonly version: string;
  readonly schema: StandardSchemaV1 | null;
  readonly run: (input: unknown, ctx: TaskContext) => unknown;
  /** Null: every call computes. */
  readonly memoize: MemoizeSpec | null;
  readonly retry: RetryPolicy;
  readonly timeoutMs: number | null;
  readonly logConsole: boolean;
}

const options: OptionsOf<TaskOptions<string, unknown, unknown>> = {
  name: 'string',
  version: 'string',
  schema: 'any',
  run: 'function',
  memoize: 'any',
  retry: 'object',
  timeout: 'duration',
  logConsole: 'boolean',
};

/**
 * Defines a task. `run` (or `schema`) stands before `memoize`, so that its key knows the input's type.
 *
 * @example
 * const locate = defineTask({
 *   name: 'locate',
 *   async run(address: { town: string }, ctx) { return fetchPlace(address, ctx.signal); },
 *   memoize: { expires: '1 day' },
 *   timeout: '30s',
 * });
 *
 * @throws HF_DEFINITION_INVALID, HF_DURATION_INVALID
 */
export function defineTask<const Name extends string, I, R, Given = I>(
  task: TaskOptions<Name, I, R, Given>,
): Task<Name, Given, R> {
  const spec = normalizeTask(task as TaskOptions<string, unknown, unknown, unknown>);
  noteTaskDefined();
  const call = async (input: unknown): Promise<unknown> => {
    const runtime = installedTaskRuntime();
    return runtime === null ? callDirectly(spec, input) : runtime.call(spec, input);
  };
  Object.defineProperty(call, 'name', { value: spec.name });
  Object.defineProperty(call, mark, { value: spec });
  return Object.freeze(call) as Task<Name, Given, R>;
}

function normalizeTask(task: TaskOptions<string, unknown, unknown, unknown>): TaskSpec {
  const name = checkName('task', task);
  const what = `task ${name}`;
  checkOptions({ what }, task, options);
  if (typeof task.run !== 'function') throw invalid(what, 'run', task.run, 'give the function that the task runs');
  return Object.freeze({
    name,
    version: task.version ?? '1',
    schema: checkSchema(task.schema, what),
    run: task.run,
    memoize: normalizeMemoize(task.memoize, what),
    retry: normalizeRetry(task.retry, what),
    timeoutMs: normalizeTimeout(task.timeout, what),
    logConsole: task.logConsole ?? false,
  });
}

const invalid = (what: string, option: string, value: unknown, problem: string): HoldfastError =>
  new HoldfastError('HF_DEFINITION_INVALID', { what, option, value: showValue(value), problem });

export function checkSchema(schema: unknown, what: string): StandardSchemaV1 | null {
  if (schema === undefined) return null;
  if (!isStandardSchema(schema))
    throw invalid(what, 'schema', schema, 'give a Standard Schema, such as one of zod or valibot');
  return schema;
}

export function normalizeTimeout(timeout: Duration | false | undefined, what: string): number | null {
  if (timeout === false) return null;
  if (timeout === undefined) return DEFAULTS.itemTimeoutMs;
  const timeoutMs = parseDuration(timeout, `timeout of ${what}`);
  if (timeoutMs === 0) throw invalid(what, 'timeout', timeout, 'give a longer one, or false for no limit');
  return timeoutMs;
}

/** Outside any job: one attempt, with the input checked. */
async function callDirectly(spec: TaskSpec, input: unknown): Promise<unknown> {
  return spec.run(await checkInput(spec, input), bareContext(spec, input));
}

/** What `run` gets: the input as the task's schema gives it out. @throws HF_INPUT_SCHEMA */
export async function checkInput(spec: Pick<TaskSpec, 'name' | 'schema'>, input: unknown): Promise<unknown> {
  if (spec.schema === null) return input;
  const result = await validate(spec.schema, input);
  if (result.kind === 'valid') return result.value;
  throw new HoldfastError('HF_INPUT_SCHEMA', { task: spec.name, issues: result.issues });
}

/** Whether a value is a task of any copy of the package. */
export function isTask(value: unknown): value is AnyTask {
  return typeof value === 'function' && mark in value;
}

export function taskSpecOf(task: AnyTask): TaskSpec {
  return (task as unknown as { readonly [mark]: TaskSpec })[mark];
}

/**
 * The specs by name of the tasks among what a module exports, an object holds or an array lists; the same task may come several
 * times. @throws HF_TASK_NAME_TWICE
 */
export function collectTasks(given: object): ReadonlyMap<string, TaskSpec> {
  const collected = new Map<string, TaskSpec>();
  for (const value of Object.values(given)) {
    if (!isTask(value)) continue;
    const spec = taskSpecOf(value);
    const other = collected.get(spec.name);
    if (other !== undefined && other !== spec) throw new HoldfastError('HF_TASK_NAME_TWICE', { task: spec.name });
    collected.set(spec.name, spec);
  }
  return collected;
}
