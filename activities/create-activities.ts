import { Context } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { isHoldfastError } from '../definitions/errors.ts';
import type {
  ChunkInput,
  ChunkOutcome,
  CloseInput,
  CloseOutcome,
  IdentifyInput,
  JobIdentity,
  JobInput,
  OpenedRun,
  OpenOutcome,
  PlanInput,
  PlanOutcome,
  Restored,
} from '../workflows/messages.ts';
import { closeJob } from './close-job.ts';
import type { Dependencies } from './dependencies.ts';
import { identifyJob } from './identify-job.ts';
import { type JobSession, JobSessions, spoilsSession } from './job-session.ts';
import { openJob } from './open-job.ts';
import { planChunks } from './plan-chunks.ts';
import { runChunks } from './run-chunks.ts';
import { RunningChunks } from './running-chunks.ts';

const HEARTBEAT_MS = 1_000;
/** Planned while the job opens, so that work begins at once. */
const FIRST_CHUNKS = 8;

export interface Activities {
  holdfastOpenJob(input: { readonly input: JobInput; readonly runId: string }): Promise<OpenOutcome>;
  holdfastPlanChunks(input: PlanInput): Promise<PlanOutcome | Restored>;
  holdfastRunChunk(input: ChunkInput): Promise<ChunkOutcome | Restored>;
  holdfastCloseJob(input: CloseInput): Promise<CloseOutcome | Restored>;
  holdfastIdentifyJob(input: IdentifyInput): Promise<JobIdentity>;
}

/** The activities of the job workflow, named so that they are nobody else's, on what they need from outside; `close` lets go of what is open once none runs any more. */
export function createActivities(deps: Dependencies): {
  readonly activities: Activities;
  readonly close: () => Promise<void>;
} {
  const sessions = new JobSessions(deps);
  const chunks = new RunningChunks(deps.shutdown);

  const activities: Activities = {
    holdfastIdentifyJob: (input) => guarded(deps, async () => identifyJob(deps, input)),
    holdfastOpenJob: (input) =>
      guarded(deps, async () => {
        const opened = await openJob(deps, input);
        if (opened.kind === 'nothing-new') return opened;
        return { kind: 'fresh', run: opened, plan: await planFirst(deps, sessions, opened) };
      }),
    holdfastPlanChunks: (input) =>
      guarded(deps, async () => within(sessions, input.run, (session) => planChunks(session, input))),
    holdfastCloseJob: (input) =>
      guarded(deps, async () => {
        const closed = await within(sessions, input.run, (session) => closeJob(session, input));
        if (closed.kind === 'closed') await sessions.drop(await sessions.get(input.run));
        return closed;
      }),
    holdfastRunChunk: (input) =>
      guarded(deps, () => within(sessions, input.run, (session) => runChunks(session, input, chunks))),
  };
  return { activities, close: () => sessions.close() };
}

/** Where planning cannot go well, the run that was just opened is closed again: the ledger says why. */
async function planFirst(deps: Dependencies, sessions: JobSessions, run: OpenedRun): Promise<PlanOutcome | Restored> {
  try {
    return await within(sessions, run, (session) => planChunks(session, { run, after: 0, want: FIRST_CHUNKS }));
  } catch (error) {
    const { nonRetryable, type, message } = toFailure(error, Context.current().info);
    if (nonRetryable) {
      const failure = { code: type ?? 'HF_UNEXPECTED', message };
      const closing = within(sessions, run, (session) => closeJob(session, { run, cancelled: false, failure }));
      await closing.catch((cause) => deps.log.warn(`The job could not be closed: ${cause}`));
    }
    throw error;
  }
}

async function within<T>(
  sessions: JobSessions,
  run: ChunkInput['run'],
  work: (session: JobSession) => Promise<T>,
): Promise<T | Restored> {
  let session: JobSession | null = null;
  try {
    session = await sessions.get(run);
    await session.checkLedger(run);
    return await work(session);
  } catch (error) {
    if (session && spoilsSession(error)) await sessions.drop(session);
    if (isHoldfastError(error, 'HF_LEDGER_RESTORED')) return { kind: 'restored' };
    throw error;
  }
}

/** Beats while an activity runs, and turns errors into failures that the workflow and the retry policy understand. */
async function guarded<T>(deps: Dependencies, work: () => Promise<T>): Promise<T> {
  const context = Context.current();
  const beat = setInterval(() => context.heartbeat(), HEARTBEAT_MS);
  try {
    return await work();
  } catch (error) {
    const failure = toFailure(error, context.info);
    if (!failure.nonRetryable && failure.category !== ApplicationFailureCategory.BENIGN) {
      deps.log.warn(`${failure.message} Trying again.`);
    }
    throw failure;
  } finally {
    clearInterval(beat);
  }
}

/** Errors that nobody foresaw may pass; they must not be tried for ever in silence either. */
const UNEXPECTED_ATTEMPTS = 8;

function toFailure(error: unknown, { attempt, activityType }: Context['info']): ApplicationFailure {
  if (!isHoldfastError(error)) {
    const message = error instanceof Error ? error.message : String(error);
    return ApplicationFailure.create({
      type: 'HF_UNEXPECTED',
      message: `An unexpected error: ${message}.`,
      nonRetryable: attempt >= UNEXPECTED_ATTEMPTS,
      ...(error instanceof Error ? { cause: error } : {}),
    });
  }
  const taken = error.code === 'HF_FENCED';
  return ApplicationFailure.create({
    type: error.code,
    message: error.message,
    nonRetryable: !error.retryable && !(RETRIED.has(error.code) && activityType !== 'holdfastOpenJob'),
    details: [error.fields],
    cause: error,
    ...(taken ? { category: ApplicationFailureCategory.BENIGN, nextRetryDelay: '100ms' } : {}),
  });
}

/**
 * Final for whoever asked to start the job, but under way the next attempt may go well: it opens the file anew, or a worker
 * takes it whose job file names the same source and sink.
 */
const RETRIED: ReadonlySet<string> = new Set([
  'HF_DATABASE_MOVED',
  'HF_DATABASE_CLOSED',
  'HF_SOURCE_IDENTITY',
  'HF_SINK_IDENTITY',
]);
