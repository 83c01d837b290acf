import { CompleteAsyncError, type Context } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory, type PayloadConverter } from '@temporalio/common';
import { beatEveryMs } from '../activities/task-attempt.ts';
import { checkOptions, type OptionsOf } from '../definitions/check-options.ts';
import { isHoldfastError } from '../definitions/errors.ts';
import { type Memoize, normalizeMemoize } from '../definitions/memoize.ts';
import type { Memoization, MemoTask } from '../memoization/memoization.ts';
import { formOf } from './payload-bytes.ts';

/** How long an attempt waits for another that computes the same, holding its slot, before it gives the slot back. */
const WAIT_MS = 10_000;
const ASK_AGAIN_MS = 1_000;

/** How results of an activity that is no task are stored and taken again. */
export interface MemoizeActivity extends Omit<Memoize<readonly unknown[]>, 'key'> {
  /** What computes something else gets another version. @default '1' */
  readonly version?: string;
  /** The parts of the arguments that decide. @default all arguments */
  readonly key?: (...args: never[]) => unknown;
}

/** By activity type. */
export type MemoizeActivities = Readonly<Record<string, MemoizeActivity>>;

const options: OptionsOf<MemoizeActivity> = {
  expires: 'any',
  version: 'string',
  key: 'function',
  refresh: 'boolean',
  storage: 'string',
  onStoreError: 'string',
};

/** Checks what is given. Errors: HF_DEFINITION_INVALID, HF_DURATION_INVALID. */
export function normalizeActivities(given: MemoizeActivities): ReadonlyMap<string, MemoTask> {
  return new Map(Object.entries(given).map(([name, activity]) => [name, normalizeActivity(name, activity)]));
}

function normalizeActivity(name: string, activity: MemoizeActivity): MemoTask {
  const what = `memoizeActivities.${name}`;
  checkOptions({ what }, activity, options);
  const { version = '1', key, ...memoize } = activity;
  const keyOf = key as ((...args: readonly unknown[]) => unknown) | undefined;
  const spec = normalizeMemoize(
    {
      ...memoize,
      ...(keyOf ? { key: (args: unknown) => keyOf(...(args as readonly unknown[])) } : {}),
    } as Memoize<unknown>,
    what,
  );
  if (spec === null) throw new TypeError(`${what} is off`);
  return { name, version, memoize: spec };
}

/** Their results as bytes of a worker's own payload converter: what is taken again is what the workflow would have got. */
export function withConverter(
  activities: ReadonlyMap<string, MemoTask>,
  converter: PayloadConverter,
): ReadonlyMap<string, MemoTask> {
  const values = formOf(converter);
  return new Map([...activities].map(([name, task]) => [name, { ...task, values }]));
}

interface ActivityCall {
  readonly task: MemoTask;
  readonly memo: Memoization;
  readonly context: Context;
  readonly args: readonly unknown[];
  readonly compute: () => Promise<unknown>;
}

/** The activity's result: stored, another's who computes it now, or its own. What it throws, CompleteAsyncError too, is never stored. */
export async function runMemoized({ task, memo, context, args, compute }: ActivityCall): Promise<unknown> {
  const { info, cancellationSignal: signal } = context;
  const state = { computing: false };
  const rest = keepAlive(context, state);
  try {
    const { value } = await memo.run(
      task,
      withoutEnd(args),
      () => {
        state.computing = true;
        return compute();
      },
      {
        notBefore: task.memoize.refresh ? info.scheduledTimestampMs : null,
        madeBy: info.workflowExecution?.workflowId ?? info.activityId,
        signal,
        // Giving the slot back costs an attempt: not where these are counted.
        ...(info.retryPolicy?.maximumAttempts ? {} : { waitMsMax: WAIT_MS }),
      },
    );
    return value;
  } catch (error) {
    throw failureOf(error);
  } finally {
    rest();
  }
}

/** Optional arguments that were not given decide nothing. */
function withoutEnd(args: readonly unknown[]): readonly unknown[] {
  return args.slice(0, args.findLastIndex((arg) => arg !== undefined) + 1);
}

/** While it waits for another, nobody beats for the activity; what it has left in its last beat stays. */
function keepAlive(context: Context, state: { readonly computing: boolean }): () => void {
  if (context.info.isLocal || context.info.heartbeatTimeoutMs === undefined) return () => undefined;
  const timer = setInterval(() => {
    if (!state.computing) context.heartbeat(context.info.heartbeatDetails);
  }, beatEveryMs(context.info));
  return () => clearInterval(timer);
}

function failureOf(error: unknown): unknown {
  if (error instanceof CompleteAsyncError || !isHoldfastError(error)) return error;
  const busy = error.code === 'HF_MEMO_BUSY';
  return ApplicationFailure.create({
    type: error.code,
    message: error.message,
    nonRetryable:
      error.code === 'HF_MEMO_KEY' || error.code === 'HF_MEMO_CYCLE' || error.code === 'HF_RESULT_NOT_STORABLE',
    cause: error,
    ...(busy ? { category: ApplicationFailureCategory.BENIGN, nextRetryDelay: ASK_AGAIN_MS } : {}),
  });
}
