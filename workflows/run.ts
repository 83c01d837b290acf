import { condition, proxyActivities, sleep, workflowInfo } from '@temporalio/workflow';
import type { Activities } from '../activities/create-activities.ts';
import type { ChunkOutcome, JobInput, JobResult, OpenedRun, PlanOutcome, Restored, RunStatus } from './messages.ts';

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

const control = proxyActivities<Activities>({
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '30 seconds',
  retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '10s' },
});

/** How a run stopped, where it was not by being done. */
export interface Ended {
  readonly cancelled: boolean;
  readonly failure: { readonly code: string; readonly message: string } | null;
}

/** What one run has in flight and what it believes of the ledger. */
export class Run {
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
  /** What must be done before anything else, once nothing is in flight any more. */
  #renew: { readonly kind: 'open' } | { readonly kind: 'plan'; readonly changed: number } | null = null;
  #changed: number | null = null;
  #result: JobResult | null = null;
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
    const opened = await control.holdfastOpenJob({ input, runId: workflowInfo().firstExecutionRunId });
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
      if (this.#result) return 'done';
      const drain = workflowInfo().continueAsNewSuggested || this.#renew !== null || this.#status.stop !== null;
      if (!drain) this.#fill();
      if (this.#flights.size === 0) {
        if (this.#renew) {
          await this.#startOver(this.#renew);
          continue;
        }
        if (this.#status.stop !== null) return 'done';
        else if (workflowInfo().continueAsNewSuggested) return 'continue';
        else if (this.#isDone()) return 'done';
      }
      await this.#somethingChanges();
    }
  }

  /** Ends the run by what the ledger says; null when something is not done after all, and `loop` is to go on. */
  async close({ cancelled, failure }: Ended): Promise<JobResult | null> {
    for (;;) {
      await Promise.allSettled(this.#flights.values());
      if (this.#result) return this.#result;
      const closed = await control.holdfastCloseJob({
        run: this.opened,
        cancelled: cancelled || this.#status.stop === 'cancelled',
        failure,
      });
      if (closed.kind === 'closed') return closed.result;
      if (closed.kind === 'restored') await this.#startOver({ kind: 'open' });
      else this.#forget();
      if (!cancelled && !failure) return this.#result;
    }
  }

  #isDone(): boolean {
    const { paused, nextDueAt } = this.#status;
    // Items that wait and are not due are held by a lane that is gone: the close activity gives them back.
    return this.#ended && !this.#replan && !paused && this.#waiting.length === 0 && nextDueAt === null;
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
    this.#fly(key, async () =>
      this.#arrived(kind, await this.#chunks().holdfastRunChunk({ run: this.opened, kind, numbers })),
    );
  }

  #chunks() {
    return proxyActivities<Activities>({
      // An attempt yields after half a minute; only an item that takes long keeps one longer.
      startToCloseTimeout: '24 hours',
      heartbeatTimeout: this.opened.heartbeatTimeoutMs,
      cancellationType: 'WAIT_CANCELLATION_COMPLETED',
      // Or the worker that runs the workflow gets the first chunks, which may be all, and the others idle with their share.
      allowEagerDispatch: false,
      retry: { initialInterval: '100ms', backoffCoefficient: 2, maximumInterval: '10s' },
    });
  }

  #arrived(kind: 'range' | 'retry', outcome: ChunkOutcome | Restored): void {
    if (outcome.kind === 'restored') {
      this.#renew = { kind: 'open' };
      return;
    }
    this.#steer(outcome.status);
    this.opened = { ...this.opened, ledger: outcome.ledger };
    if (outcome.chunkMs !== null) this.#chunkMs = Math.max(1, outcome.chunkMs);
    if (outcome.changed !== null) this.#renew ??= { kind: 'plan', changed: outcome.changed };
    if (kind === 'range' && outcome.left.length > 0) {
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
    const changed = this.#changed === null ? {} : { changed: this.#changed };
    this.#changed = null;
    this.#fly('plan', async () => {
      try {
        this.#planned(after, await control.holdfastPlanChunks({ run: this.opened, after, want, ...changed }));
      } finally {
        this.#planning = false;
      }
    });
  }

  #planned(after: number, plan: PlanOutcome | Restored): void {
    if (plan.kind === 'restored') {
      this.#renew = { kind: 'open' };
      return;
    }
    this.#steer(plan.status);
    this.#workers = plan.workers;
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

  /** Behind a source that was replaced, planning begins anew; behind a ledger that was restored, everything does. */
  async #startOver(
    renew: { readonly kind: 'open' } | { readonly kind: 'plan'; readonly changed: number },
  ): Promise<void> {
    this.#renew = null;
    this.#forget();
    if (renew.kind === 'plan') {
      this.#changed = renew.changed;
      return;
    }
    const opened = await control.holdfastOpenJob({ input: this.#input, runId: workflowInfo().firstExecutionRunId });
    if (opened.kind === 'fresh') this.opened = opened.run;
    else this.#result = opened.result;
  }
}
