import { Context } from '@temporalio/activity';
import { isHoldfastError } from '../definitions/errors.ts';
import type { ChunkInput, ChunkOutcome } from '../workflows/messages.ts';
import { Attempt } from './attempt.ts';
import type { JobSession } from './job-session.ts';
import { runRange } from './run-range.ts';
import { runRetry } from './run-retry.ts';
import type { RunningChunks } from './running-chunks.ts';

/** No chunk of the list is begun after so long: the rest goes back, for whoever is free. */
const BEGIN_WITHIN_MS = 1_000;
/** A process whose share of the job's concurrency is nothing gives chunks back after so long: others have slots for them. */
const WITHOUT_SHARE_MS = 2_000;
/** While one chunk commits, the next is read. */
const AT_ONCE = 2;

/** Runs the chunks of a list in order, two at a time, while time allows and nothing stops them. */
export async function runChunks(session: JobSession, input: ChunkInput, running: RunningChunks): Promise<ChunkOutcome> {
  const started = performance.now();
  if (!(await getsShare(session)))
    return report(session, { kind: 'ran', changed: null, left: input.numbers, chunkMs: null });
  const open = [...input.numbers];
  const left: number[] = [];
  let kind: ChunkOutcome['kind'] = 'ran';
  let changed: number | null = null;
  let stop = false;
  const lane = async () => {
    for (let number = open.shift(); number !== undefined; number = open.shift()) {
      const end = await runOne(session, { input, number, running });
      if (end === 'stale') kind = end;
      else if (end === 'changed') changed = number;
      else if (end === 'yielded') left.push(number);
      stop ||= end !== 'done' || performance.now() - started > BEGIN_WITHIN_MS;
      if (stop) return;
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: Math.min(AT_ONCE, open.length) }, lane));
  for (const result of lanes) if (result.status === 'rejected') throw result.reason;
  left.push(...open);
  const done = input.numbers.length - left.length;
  const chunkMs = done > 0 ? (performance.now() - started) / done : null;
  session.deps.reach('before-report');
  return report(session, { kind, changed, left: left.sort((a, b) => a - b), chunkMs });
}

async function report(
  session: JobSession,
  outcome: Pick<ChunkOutcome, 'kind' | 'changed' | 'left' | 'chunkMs'>,
): Promise<ChunkOutcome> {
  return { ...outcome, status: await session.status(), ledger: await session.ledger.currentMark() };
}

async function getsShare(session: JobSession): Promise<boolean> {
  const until = performance.now() + WITHOUT_SHARE_MS;
  const signals = [Context.current().cancellationSignal, session.deps.shutdown];
  for (;;) {
    await session.look();
    if (session.slots.limit > 0) return true;
    if (performance.now() > until || signals.some((signal) => signal.aborted)) return false;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

interface One {
  readonly input: ChunkInput;
  readonly number: number;
  readonly running: RunningChunks;
}

async function runOne(
  session: JobSession,
  { input, number, running }: One,
): Promise<'done' | 'yielded' | 'changed' | 'stale'> {
  const { run, kind } = input;
  try {
    return await running.alone(`${run.jobId} ${run.generation} ${kind} ${number}`, (leave) => {
      const attempt = new Attempt({ session, run, context: Context.current(), leave });
      return kind === 'range'
        ? runRange(session, { run, number }, attempt)
        : runRetry(session, { run, number }, attempt);
    });
  } catch (error) {
    if (isHoldfastError(error, 'HF_EPOCH_OLD')) return 'stale';
    throw error;
  }
}
