import { HoldfastError, showValue } from '../definitions/errors.ts';
import { isFailed } from '../definitions/failed.ts';
import { validate } from '../definitions/standard-schema.ts';
import type { TaskSpec } from '../definitions/task.ts';
import { encodeValue } from '../definitions/values.ts';
import { runWithConsole } from './console-log.ts';
import { BatchCallContext, CallContext, type ItemWork } from './item-context.ts';
import type { JobSession } from './job-session.ts';

/** What one call came to for one item. */
export type CallResult =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'error'; readonly error: unknown }
  /** The process leaves: no call counts, no try is used up. */
  | { readonly kind: 'abandoned' };

export const ABANDONED: CallResult = { kind: 'abandoned' };

/** A call under way. */
export interface Call {
  /** One result for each item, in order. */
  readonly results: Promise<readonly CallResult[]>;
  readonly timeoutMs: number | null;
  abort(reason: unknown): void;
  /** Ends the call for its items, whatever the function still does. */
  giveUp(result: CallResult): void;
}

export type CallStart =
  /** The function answered at once: no promise was needed. */
  | { readonly kind: 'settled'; readonly results: readonly CallResult[] }
  | { readonly kind: 'pending'; readonly call: Call };

/** Calls the user's function for some items: one, unless the job has `runBatch`. */
export function startCall(session: JobSession, works: readonly ItemWork[]): CallStart {
  const { work } = session.spec;
  if (work.kind === 'runBatch') return startBatch(session, works, work.runBatch);
  const only = works[0] as ItemWork;
  const context = new CallContext(session, only);
  try {
    const value = runWithConsole(session, only, () => {
      if (work.kind === 'run') return work.run(only.item, context);
      return runTask(work.task, work.input ? work.input(only.item) : only.item, context);
    });
    if (!isThenable(value)) {
      context.end();
      return { kind: 'settled', results: [checked(session, value)] };
    }
    return pending(session, context, 1, (resolve) => {
      const settle = (result: CallResult) => {
        context.end();
        resolve([result]);
      };
      value.then(
        (result: unknown) => settle(checked(session, result)),
        (error: unknown) => settle({ kind: 'error', error }),
      );
    });
  } catch (error) {
    return { kind: 'settled', results: [{ kind: 'error', error }] };
  }
}

function runTask(task: TaskSpec, input: unknown, context: CallContext): unknown {
  if (!task.schema) return task.run(input, context);
  const result = validate(task.schema, input);
  if (isThenable(result))
    return (result as Promise<Awaited<typeof result>>).then((valid) => task.run(inputOf(task, valid), context));
  return task.run(inputOf(task, result as Awaited<typeof result>), context);
}

function inputOf(task: TaskSpec, valid: Awaited<ReturnType<typeof validate>>): unknown {
  if (valid.kind === 'valid') return valid.value;
  throw new HoldfastError('HF_INPUT_SCHEMA', { task: task.name, issues: valid.issues });
}

/** Results that are kept must be storable: said now, as the item's own error. */
function checked(session: JobSession, value: unknown): CallResult {
  if (session.sink !== null) return { kind: 'value', value };
  try {
    return { kind: 'value', value: encodeValue(value) };
  } catch (error) {
    return { kind: 'error', error };
  }
}

function startBatch(
  session: JobSession,
  works: readonly ItemWork[],
  runBatch: (items: readonly unknown[], ctx: BatchCallContext) => unknown,
): CallStart {
  const context = new BatchCallContext(session, works);
  const spread = (value: unknown): readonly CallResult[] => {
    if (Array.isArray(value) && value.length === works.length) {
      return value.map((entry) => (isFailed(entry) ? { kind: 'error', error: entry.error } : checked(session, entry)));
    }
    const found = Array.isArray(value) ? `${value.length} outcomes` : showValue(value);
    const error = new HoldfastError('HF_BATCH_RESULT', { found, expected: works.length });
    return works.map(() => ({ kind: 'error', error }));
  };
  const fail = (error: unknown): readonly CallResult[] => works.map(() => ({ kind: 'error', error }));
  try {
    const items = works.map((work) => work.item);
    const value = runWithConsole(session, works[0] as ItemWork, () => runBatch(items, context));
    if (!isThenable(value)) return { kind: 'settled', results: spread(value) };
    return pending(session, context, works.length, (resolve) => {
      value.then(
        (result: unknown) => resolve(spread(result)),
        (error: unknown) => resolve(fail(error)),
      );
    });
  } catch (error) {
    return { kind: 'settled', results: fail(error) };
  }
}

function pending(
  session: JobSession,
  context: CallContext | BatchCallContext,
  size: number,
  follow: (resolve: (results: readonly CallResult[]) => void) => void,
): CallStart {
  const { promise, resolve } = Promise.withResolvers<readonly CallResult[]>();
  follow(resolve);
  const call: Call = {
    results: promise,
    timeoutMs: session.spec.timeoutMs,
    abort: (reason) => context.abort(reason),
    giveUp: (result) => resolve(Array.from({ length: size }, () => result)),
  };
  return { kind: 'pending', call };
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
