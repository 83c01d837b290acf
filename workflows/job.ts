import {
  ActivityFailure,
  ApplicationFailure,
  allHandlersFinished,
  CancellationScope,
  ContinueAsNew,
  condition,
  continueAsNew,
  defineSignal,
  isCancellation,
  setHandler,
} from '@temporalio/workflow';
import type { JobInput, JobResult } from './messages.ts';
import { WAKE } from './messages.ts';
import { type Ended, Run } from './run.ts';

export const wake = defineSignal(WAKE);

/**
 * The scheduler of one run of a job. It decides nothing that matters: a chunk is done only if the ledger says so.
 * Runs until everything is done, continues as new when its history has grown, and ends with the close activity.
 */
export async function holdfastJob(input: JobInput): Promise<JobResult> {
  // A cancel that comes meanwhile takes effect behind it: what was opened is closed.
  const run = await CancellationScope.nonCancellable(() => Run.begin(input));
  if (!(run instanceof Run)) return run;
  setHandler(wake, () => run.wake());
  for (;;) {
    const ended = await runUntilItEnds(run, input);
    const result = await CancellationScope.nonCancellable(() => run.close(ended));
    if (result) return result;
  }
}

async function runUntilItEnds(run: Run, input: JobInput): Promise<Ended> {
  try {
    const end = await run.loop();
    if (end === 'continue') {
      await condition(allHandlersFinished);
      await continueAsNew<typeof holdfastJob>({ ...input, opened: run.opened });
    }
    return { cancelled: false, failure: null };
  } catch (error) {
    if (error instanceof ContinueAsNew) throw error;
    if (isCancellation(error)) return { cancelled: true, failure: null };
    return { cancelled: false, failure: describeFailure(error) };
  }
}

function describeFailure(error: unknown): NonNullable<Ended['failure']> {
  const cause = error instanceof ActivityFailure && error.cause instanceof ApplicationFailure ? error.cause : null;
  return { code: cause?.type ?? 'HF_RUN_FAILED', message: cause?.message ?? String(error) };
}
