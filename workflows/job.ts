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
  proxyActivities,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../activities/create-activities.ts';
import type { ChunkOutcome, JobInput, JobResult, OpenedRun, PlanOutcome, RunStatus } from './messages.ts';
import { WAKE } from './messages.ts';

/** Chunk activities in flight: enough that none of a process's slots runs dry at a chunk's end. */
const ACTIVITIES_A_WORKER = 4;
const ACTIVITIES_MAX = 120;
/** Quick chunks are given to an activity several at a time, for about so long: a round trip costs as much as thousands of items. */
const ACTIVITY_MS = 400;
const CHUNKS_AN_ACTIVITY = 8;
/** Planning takes its turns between running chunks, so it must be well ahead of them. */
const PLAN_AHEAD = 12;
/** While paused or full, the ledger is looked at again so often, in case a wake-up was lost with its server. */
const LOOK_AGAIN = '30s';
const LANES_MAX = 16;

export const wake = defineSignal(WAKE);

const control = proxyActivities<Activities>({
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '30 seconds',
  retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '10s' },
});

/**
 * The scheduler of one run of a job. It decides nothing that matters: a chunk is done only if the ledger says so.
 * Runs until everything is done, continues as new when its history has grown, and ends with the close activity.
 */
export async function holdfastJob(input: JobInput): Promise<JobResult> {
  // A cancel that comes meanwhile takes effect behind it: what was opened is closed.
  const run = await CancellationScope.nonCancellable(() => Run.begin(input));
  if (!(run instanceof Run)) return run;
  setHandler(wake, () => run.wake());
  let ended: Ended = { cancelled: false, failure: null };
  try {
    const end = await run.loop();
    if (end === 'continue') {
      await condition(allHandlersFinished);
      await continueAsNew<typeof holdfastJob>({ ...input, again: false, opened: run.opened });
    }
  } catch (error) {
    if (error instanceof ContinueAsNew) throw error;
    ended = isCancellation(error)
      ? { cancelled: true, failure: null }
      : { cancelled: false, failure: describeFailure(error) };
  }
  return CancellationScope.nonCancellable(() => run.close(ended));
}

interface Ended {
  readonly cancelled: boolean;
  readonly failure: { readonly code: string; readonly message: string } | null;
}

function describeFailure(error: unknown): NonNullable<Ended['failure']> {
  const cause = error instanceof ActivityFailure && error.cause instanceof ApplicationFailure ? error.cause : null;
  return { code: cause?.type ?? 'HF_RUN_FAILED', message: cause?.message ?? String(error) };
}

class Run {
  opened: OpenedRun;
  readonly #input: JobInput;
  readonly #flights = new Map<string, Promise<void>>();
  readonly #waiting: number[] = [];
  #after = 0;
  #ended = false;
  #workers = 1;
  #chunkMs = ACTIVITY_MS;
  #changes = 0;
  #replan = false;
  #planning = false;
  #reopen = false;
  #failure: unknown = null;
  #status: RunStatus = { at: 0, paused: false, stop: null, nextDueAt: null, waiting: 0, full: false };

  private constructor(opened: OpenedRun, input: JobInput) {
    this.opened = opened;
    this.#input = input;
  }

  /** Opens the job, or goes on with it after continue-as-new. A result where there is nothing to run. */
  static async begin(input: JobInput): Promise<Run | JobResult> {
    if (input.opened) {
      const run = new Run(input.opened, input);
      run.#replan = true;
      return run;
    }
    const opened = await control.openJob({ input, runId: workflowInfo().firstExecutionRunId });
    if (opened.kind === 'nothing-new') return opened.result;
    const run = new Run(opened.run, input);
    run.#planned(0, opened.plan);
    return run;
  }

  wake(): void {
    this.#changes++;
    this.#replan = true;
  }

  /** Keeps the window full until nothing is left (`done`), the run must stop, or the history has grown (`continue`). */
  async loop(): Promise<'done' | 'continue'> {
    for (;;) {
      if (this.#failure) throw this.#failure;
      const drain = workflowInfo().continueAsNewSuggested || this.#reopen || this.#status.stop !== null;
      if (!drain) this.#fill();
      if (this.#flights.size === 0) {
        if (this.#reopen) await this.#openAgain();
        else if (this.#status.stop !== null) return 'done';
        else if (workflowInfo().continueAsNewSuggested) return 'continue';
        else if (this.#isDone()) return 'done';
      }
      await this.#somethingChanges();
    }
  }

  async close({ cancelled, failure }: Ended): Promise<JobResult> {
    for (;;) {
      await Promise.allSettled(this.#flights.values());
      const closed = await control.closeJob({
        run: this.opened,
        cancelled: cancelled || this.#status.stop === 'cancelled',
        failure,
      });
      if (closed.kind === 'closed') return closed.result;
      this.#forget();
      await this.loop();
    }
  }

  #isDone(): boolean {
    const { paused, nextDueAt, waiting } = this.#status;
    return this.#ended && !this.#replan && !paused && this.#waiting.length === 0 && nextDueAt === null && waiting === 0;
  }

  #fill(): void {
    const window = Math.min(ACTIVITIES_MAX, Math.max(1, this.#workers) * ACTIVITIES_A_WORKER);
    const ahead = window * PLAN_AHEAD;
    if ((this.#replan || (!this.#ended && this.#waiting.length < ahead / 2)) && !this.#planning) {
      // The first answer is waited for: let it be small.
      this.#plan(this.#after === 0 ? window * 2 : ahead);
    }
    if (this.#status.paused) return;
    this.#fillLanes();
    if (this.#status.full) return;
    const share = Math.ceil(this.#waiting.length / window);
    const take = Math.max(1, Math.min(CHUNKS_AN_ACTIVITY, share, Math.floor(ACTIVITY_MS / this.#chunkMs)));
    while (this.#flights.size < window && this.#waiting.length > 0) this.#start('range', this.#waiting.splice(0, take));
  }

  #fillLanes(): void {
    const { nextDueAt } = this.#status;
    if (nextDueAt === null || nextDueAt > Date.now()) return;
    for (let lane = 0; lane < Math.min(LANES_MAX, this.#workers); lane++) {
      if (!this.#flights.has(`retry ${lane}`)) {
        this.#start('retry', [lane]);
        return;
      }
    }
  }

  #start(kind: 'range' | 'retry', numbers: readonly number[]): void {
    const key = `${kind} ${numbers[0]}`;
    this.#fly(key, async () => this.#arrived(kind, await this.#chunks().runChunk({ run: this.opened, kind, numbers })));
  }

  #chunks() {
    return proxyActivities<Activities>({
      // An attempt yields after half a minute; only an item that takes long keeps one longer.
      startToCloseTimeout: '24 hours',
      heartbeatTimeout: this.opened.heartbeatTimeoutMs,
      cancellationType: 'WAIT_CANCELLATION_COMPLETED',
      retry: { initialInterval: '100ms', backoffCoefficient: 2, maximumInterval: '10s' },
    });
  }

  #arrived(kind: 'range' | 'retry', outcome: ChunkOutcome): void {
    this.#steer(outcome.status);
    this.opened = { ...this.opened, ledger: outcome.ledger };
    if (outcome.chunkMs !== null) this.#chunkMs = Math.max(1, outcome.chunkMs);
    if (outcome.kind === 'restored') this.#reopen = true;
    else if (outcome.kind === 'changed') this.#replan = true;
    else if (kind === 'range' && outcome.left.length > 0) {
      this.#waiting.push(...outcome.left);
      this.#waiting.sort((a, b) => a - b);
    }
  }

  /** Activities end in any order: an older look does not replace a newer one. */
  #steer(status: RunStatus): void {
    if (status.at >= this.#status.at) this.#status = status;
  }

  #plan(want: number): void {
    this.#planning = true;
    this.#replan = false;
    const after = this.#after;
    this.#fly('plan', async () => {
      try {
        this.#planned(after, await control.planChunks({ run: this.opened, after, want }));
      } finally {
        this.#planning = false;
      }
    });
  }

  #planned(after: number, plan: PlanOutcome): void {
    this.#steer(plan.status);
    this.#workers = plan.workers;
    if (plan.restored) {
      this.#reopen = true;
      return;
    }
    if (after !== this.#after) return;
    this.#waiting.push(...plan.chunks);
    this.#after = plan.last;
    this.#ended = plan.ended;
  }

  #fly(key: string, work: () => Promise<void>): void {
    const flight = work()
      .catch((error) => {
        this.#failure ??= error;
      })
      .finally(() => {
        this.#flights.delete(key);
        this.#changes++;
      });
    this.#flights.set(key, flight);
  }

  /** Until an activity reports, a wake-up comes, the next waiting item is due, or it is time to look at the ledger again. */
  async #somethingChanges(): Promise<void> {
    const seen = this.#changes;
    const changed = () => this.#changes !== seen;
    if (changed()) return;
    const { nextDueAt, paused, full, waiting } = this.#status;
    if (this.#flights.size > 0 && !(nextDueAt !== null && !paused && nextDueAt > Date.now())) {
      await condition(changed);
      return;
    }
    if (nextDueAt !== null && !paused) {
      await condition(changed, Math.max(1, nextDueAt - Date.now()));
      return;
    }
    if (paused || full || waiting > 0) {
      if (!(await condition(changed, LOOK_AGAIN))) this.#replan = true;
      return;
    }
    await sleep(1);
  }

  #forget(): void {
    this.#after = 0;
    this.#ended = false;
    this.#waiting.length = 0;
    this.#replan = true;
    this.#status = { at: 0, paused: false, stop: null, nextDueAt: null, waiting: 0, full: false };
  }

  async #openAgain(): Promise<void> {
    this.#reopen = false;
    const opened = await control.openJob({
      input: { ...this.#input, again: false },
      runId: workflowInfo().firstExecutionRunId,
    });
    if (opened.kind === 'fresh') this.opened = opened.run;
    this.#forget();
  }
}
