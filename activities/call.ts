import { HoldfastError, showValue } from '../definitions/errors.ts';
import { isFailed } from '../definitions/failed.ts';
import { validate } from '../definitions/standard-schema.ts';
import type { TaskSpec } from '../definitions/task.ts';
import type { MemoCounts } from '../ledger/rows.ts';
import { runAs } from './caller.ts';
import { ItemCaller, type StoreFault } from './item-caller.ts';
import { BatchCallContext, CallContext, type ItemWork } from './item-context.ts';
import type { JobSession } from './job-session.ts';

/** What one call came to for one item. */
export type CallResult =
  | { readonly kind: 'value'; readonly value: unknown; readonly memo?: MemoCounts }
  | { readonly kind: 'error'; readonly error: unknown; readonly memo?: MemoCounts }
  /** A stored result was taken: the function was not called. */
  | { readonly kind: 'hit'; readonly value: unknown; readonly memo: MemoCounts }
  /** Another call computes the same input: ask again when it has ended. */
  | { readonly kind: 'busy' }
  /** The process leaves, or the store failed (`fault`): no call counts, no try is used up. */
  | { readonly kind: 'abandoned'; readonly fault?: StoreFault };

export const ABANDONED: CallResult = { kind: 'abandoned' };

/** A call under way. */
export interface Call {
  /** One result for each item, in order. */
  readonly results: Promise<readonly CallResult[]>;
  readonly timeoutMs: number | null;
  /** By `performance.now()`; null while the function waits for its turn. */
  readonly startedAt: number | null;
  /** When the items are in flight no more, though their results are still on their way. @default with the results */
  readonly freed?: Promise<void>;
  abort(reason: unknown): void;
  /** Ends the call for its items, whatever the function still does. */
  giveUp(result: CallResult): void;
}

export type CallStart =
  /** The function answered at once: no promise was needed. */
  | { readonly kind: 'settled'; readonly results: readonly CallResult[] }
  | { readonly kind: 'pending'; readonly call: Call };

/**
 * Calls the user's function for some items: one, unless the job has `runBatch`. `input`: what its task is given, where that is
 * known and checked already.
 */
export function startCall(
  session: JobSession,
  works: readonly ItemWork[],
  input?: { readonly checked: unknown },
): CallStart {
  const { work } = session.spec;
  if (work.kind === 'runBatch') return startBatch(session, works, work.runBatch);
  const only = works[0] as ItemWork;
  const context = new CallContext(session, only);
  const call = () => {
    if (work.kind === 'run') return work.run(only.item, context);
    if (input) return work.task.run(input.checked, context);
    return runTask(work.task, work.input ? work.input(only.item) : only.item, context);
  };
  const caller = ItemCaller.of(session, only, context);
  try {
    const value = caller ? runAs(caller, call) : call();
    if (!isThenable(value)) {
      context.end();
      return { kind: 'settled', results: [counted(caller, { kind: 'value', value })] };
    }
    return pending(session, context, 1, (resolve) => {
      const settle = (result: CallResult) => {
        context.end();
        resolve([counted(caller, result)]);
      };
      value.then(
        (result: unknown) => settle({ kind: 'value', value: result }),
        (error: unknown) => settle({ kind: 'error', error }),
      );
    });
  } catch (error) {
    context.end();
    return { kind: 'settled', results: [counted(caller, { kind: 'error', error })] };
  }
}

/** The result, with what memoization did for the tasks that the function called. */
function counted(caller: ItemCaller | null, result: CallResult): CallResult {
  if (caller === null || (result.kind !== 'value' && result.kind !== 'error')) return result;
  if (caller.fault !== null) return { kind: 'abandoned', fault: caller.fault };
  const { hits, misses, savedMs } = caller.tally;
  return hits + misses === 0 ? result : { ...result, memo: { hits, misses, savedMs } };
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

function startBatch(
  session: JobSession,
  works: readonly ItemWork[],
  runBatch: (items: readonly unknown[], ctx: BatchCallContext) => unknown,
): CallStart {
  const context = new BatchCallContext(session, works);
  const first = works[0] as ItemWork;
  const caller = ItemCaller.of(session, first, new CallContext(session, first));
  // What memoization did for the batch is counted with its first item.
  const tallied = (results: CallResult[]) =>
    results.map((result, n) => (n === 0 || caller?.fault ? counted(caller, result) : result));
  const spread = (value: unknown): readonly CallResult[] => {
    if (Array.isArray(value) && value.length === works.length) {
      return tallied(
        value.map((entry) =>
          isFailed(entry) ? { kind: 'error', error: entry.error } : { kind: 'value', value: entry },
        ),
      );
    }
    const found = Array.isArray(value) ? `${value.length} outcomes` : showValue(value);
    const error = new HoldfastError('HF_BATCH_RESULT', { found, expected: works.length });
    return works.map(() => ({ kind: 'error', error }));
  };
  const fail = (error: unknown): readonly CallResult[] => tallied(works.map(() => ({ kind: 'error', error })));
  try {
    const items = works.map((work) => work.item);
    const call = () => runBatch(items, context);
    const value = caller ? runAs(caller, call) : call();
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
    startedAt: performance.now(),
    abort: (reason) => context.abort(reason),
    giveUp: (result) => resolve(Array.from({ length: size }, () => result)),
  };
  return { kind: 'pending', call };
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
