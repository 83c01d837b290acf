import { Context } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { isHoldfastError } from '../definitions/errors.ts';
import type {
  ChunkInput,
  ChunkOutcome,
  CloseInput,
  CloseOutcome,
  JobInput,
  OpenOutcome,
  PlanInput,
  PlanOutcome,
} from '../workflows/messages.ts';
import { Attempt } from './attempt.ts';
import { closeJob } from './close-job.ts';
import type { Dependencies } from './dependencies.ts';
import { type JobSession, JobSessions, spoilsSession } from './job-session.ts';
import { openJob } from './open-job.ts';
import { isRestored, planChunks } from './plan-chunks.ts';
import { runRange } from './run-range.ts';
import { runRetry } from './run-retry.ts';

const HEARTBEAT_MS = 1_000;

export interface Activities {
  openJob(input: { readonly input: JobInput; readonly runId: string }): Promise<OpenOutcome>;
  planChunks(input: PlanInput): Promise<PlanOutcome>;
  runChunk(input: ChunkInput): Promise<ChunkOutcome>;
  closeJob(input: CloseInput): Promise<CloseOutcome>;
}

/** The activities of the job workflow, on what they need from outside; `close` lets go of what is open once none runs any more. */
export function createActivities(deps: Dependencies): { readonly activities: Activities; readonly close: () => Promise<void> } {
  const sessions = new JobSessions(deps);
  const running = new Map<string, { readonly leave: AbortController; readonly ended: Promise<void> }>();

  const activities: Activities = {
    openJob: (input) => guarded(() => openJob(deps, input)),
    planChunks: (input) => guarded(async () => within(sessions, input.run, (session) => planChunks(session, input))),
    closeJob: (input) =>
      guarded(async () => {
        const closed = await within(sessions, input.run, (session) => closeJob(session, input));
        if (closed.kind === 'closed') await sessions.drop(input.run);
        return closed;
      }),
    runChunk: (input) => guarded(() => alone(running, deps, input, (leave) => runChunk(sessions, input, leave))),
  };
  return { activities, close: () => sessions.close() };
}

async function within<T>(sessions: JobSessions, run: ChunkInput['run'], work: (session: JobSession) => Promise<T>): Promise<T> {
  try {
    return await work(await sessions.get(run));
  } catch (error) {
    if (spoilsSession(error)) await sessions.drop(run);
    throw error;
  }
}

async function runChunk(sessions: JobSessions, input: ChunkInput, leave: AbortSignal): Promise<ChunkOutcome> {
  return within(sessions, input.run, async (session) => {
    const attempt = new Attempt({ session, run: input.run, context: Context.current(), leave });
    const end = await runAttempt(session, input, attempt);
    session.deps.reach('before-report');
    return { kind: end, ledger: session.ledger.mark, status: await session.status() };
  });
}

async function runAttempt(session: JobSession, input: ChunkInput, attempt: Attempt): Promise<ChunkOutcome['kind']> {
  if (await isRestored(session, input.run)) return 'restored';
  try {
    return input.kind === 'range' ? await runRange(session, input, attempt) : await runRetry(session, input, attempt);
  } catch (error) {
    if (isHoldfastError(error, 'HF_EPOCH_OLD')) return 'stale';
    throw error;
  }
}

/**
 * One attempt of a chunk a process at a time: an outage of the server makes the next one start while the last still runs.
 * The old one is told to leave and waited for.
 */
async function alone<T>(
  running: Map<string, { readonly leave: AbortController; readonly ended: Promise<void> }>,
  deps: Dependencies,
  { run, kind, number }: ChunkInput,
  work: (leave: AbortSignal) => Promise<T>,
): Promise<T> {
  const key = `${run.jobId} ${run.generation} ${kind} ${number}`;
  for (let before = running.get(key); before; before = running.get(key)) {
    before.leave.abort();
    await before.ended;
  }
  const leave = new AbortController();
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const entry = { leave, ended };
  running.set(key, entry);
  const onShutdown = () => leave.abort();
  deps.shutdown.addEventListener('abort', onShutdown, { once: true });
  if (deps.shutdown.aborted) leave.abort();
  try {
    return await work(leave.signal);
  } finally {
    deps.shutdown.removeEventListener('abort', onShutdown);
    running.delete(key);
    resolve();
  }
}

/** Beats while an activity runs, and turns errors into failures that the workflow and the retry policy understand. */
async function guarded<T>(work: () => Promise<T>): Promise<T> {
  const context = Context.current();
  const beat = setInterval(() => context.heartbeat(), HEARTBEAT_MS);
  try {
    return await work();
  } catch (error) {
    throw toFailure(error);
  } finally {
    clearInterval(beat);
  }
}

function toFailure(error: unknown): unknown {
  if (!isHoldfastError(error)) return error;
  const taken = error.code === 'HF_FENCED';
  return ApplicationFailure.create({
    type: error.code,
    message: error.message,
    nonRetryable: !error.retryable && !RETRIED.has(error.code),
    details: [error.fields],
    cause: error,
    ...(taken ? { category: ApplicationFailureCategory.BENIGN, nextRetryDelay: '100ms' } : {}),
  });
}

/** Final for whoever asked, but the next attempt finds the world changed: it opens the file anew, or another worker takes it. */
const RETRIED: ReadonlySet<string> = new Set(['HF_DATABASE_MOVED', 'HF_DATABASE_CLOSED']);
