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
import { closeJob } from './close-job.ts';
import type { Dependencies } from './dependencies.ts';
import { type JobSession, JobSessions, spoilsSession } from './job-session.ts';
import { openJob } from './open-job.ts';
import { planChunks } from './plan-chunks.ts';
import { runChunks } from './run-chunks.ts';
import { RunningChunks } from './running-chunks.ts';

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
  const chunks = new RunningChunks(deps.shutdown);

  const activities: Activities = {
    openJob: (input) => guarded(() => openJob(deps, input)),
    planChunks: (input) => guarded(async () => within(sessions, input.run, (session) => planChunks(session, input))),
    closeJob: (input) =>
      guarded(async () => {
        const closed = await within(sessions, input.run, (session) => closeJob(session, input));
        if (closed.kind === 'closed') await sessions.drop(input.run);
        return closed;
      }),
    runChunk: (input) => guarded(() => within(sessions, input.run, (session) => runChunks(session, input, chunks))),
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
