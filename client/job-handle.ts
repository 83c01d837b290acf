import { HoldfastError, isHoldfastError } from '../definitions/errors.ts';
import type { AnyJob } from '../definitions/job.ts';
import { cancelJob, checkControl, endInLedger, type Redriven, redriveJob, steer } from './job-control.ts';
import { type FailedItem, type KeptResult, readFailures, readResults } from './job-items.ts';
import type { JobRecords } from './job-records.ts';
import { hasEnded, type JobStatus, nothingDone, readStatus, type Summary, unopenedSummary } from './summary.ts';
import type { RunEnd, TemporalLink } from './temporal-link.ts';

const WATCH_MS = 500;

/** What a job's items become. */
export type ResultOf<J> = J extends { readonly types?: { readonly result: infer R } } ? R : unknown;

export interface HandleParts {
  readonly id: string;
  readonly records: JobRecords;
  readonly temporal: TemporalLink;
  /** Of the run that this handle started or attached to. */
  readonly runId?: string;
}

/**
 * A job, by its id. What it tells comes from the ledger: also with no worker running and after Temporal's retention.
 * Each method but `cancel` and `result` answers at once.
 */
export class JobHandle<J extends AnyJob = AnyJob> {
  readonly id: string;
  /** Never there: carries the job's types. */
  declare readonly job?: J;
  readonly #parts: HandleParts & { readonly jobId: string };

  constructor(parts: HandleParts) {
    this.id = parts.id;
    this.#parts = { ...parts, jobId: parts.id };
  }

  /** The job's counts now. Errors: HF_JOB_UNKNOWN, those of the ledger's database. */
  async progress(): Promise<Summary> {
    try {
      return (await this.status()).summary;
    } catch (error) {
      const waiting = isHoldfastError(error, 'HF_JOB_UNKNOWN') ? await this.#unopened() : null;
      if (waiting) return waiting;
      throw error;
    }
  }

  /** The job's counts and settings now, once a worker has opened it. Errors: as `progress`. */
  status(): Promise<JobStatus> {
    return this.#parts.records.read(this.id, (tx, job) => readStatus(tx, job, Date.now()));
  }

  /** Living worker processes that serve the job. */
  async workers(): Promise<number> {
    const { job } = await this.progress();
    return (await this.#parts.records.workersOf(job)).length;
  }

  /**
   * The job's counts whenever they change, until it has ended.
   *
   * @example
   * for await (const { items } of handle.watch()) console.log(items.applied, items.total);
   */
  async *watch({ intervalMs = WATCH_MS }: { readonly intervalMs?: number } = {}): AsyncGenerator<Summary, void> {
    for (let before = ''; ; ) {
      const summary = await this.progress();
      const now = JSON.stringify({ ...summary, elapsedMs: 0, itemsPerSecond: 0 });
      if (now !== before) yield summary;
      before = now;
      if (hasEnded(summary.state) && !(await this.isOpening())) return;
      await sleep(intervalMs);
    }
  }

  /**
   * Waits for the job's end, through outages of the server, and tells how it ended: `state` is one of the final ones.
   * Errors: HF_JOB_UNKNOWN, HF_SERVER_UNREACHABLE, and what made the job impossible to open (HF_PARAMS_DIFFER, HF_SOURCE_MISSING …).
   */
  async result(): Promise<Summary> {
    const { records, temporal } = this.#parts;
    if (!this.#parts.runId || !temporal.hasServer) {
      const now = await this.progress();
      if (hasEnded(now.state) && !(await this.isOpening())) return now;
    }
    if (temporal.hasServer) {
      const end = await this.runEnd();
      if (end.kind === 'terminated') await this.closeTerminated(end.runId);
      if (end.kind === 'ended' && end.result.nothingNewSince !== null) return nothingDone(await this.progress());
    }
    // No workflow tells any more: whoever starts the job again writes its end.
    for (;;) {
      const summary = (await records.read(this.id, (tx, job) => readStatus(tx, job, Date.now()))).summary;
      if (hasEnded(summary.state)) return summary;
      await sleep(WATCH_MS);
    }
  }

  /** @internal Whether Temporal has a run of the job that the ledger does not know yet, or no more: it is being opened, or closed. */
  async isOpening(): Promise<boolean> {
    let opening = false;
    await this.#parts.temporal.bestEffort(async () => {
      opening = (await this.#parts.temporal.describe(this.id))?.status.name === 'RUNNING';
    });
    return opening;
  }

  /** @internal How the run ended by its workflow. */
  runEnd(onOutage?: (error: unknown) => void): Promise<RunEnd> {
    const { temporal, runId } = this.#parts;
    return temporal.runEnd(this.id, { ...(runId ? { runId } : {}), ...(onOutage ? { onOutage } : {}) });
  }

  /** @internal Writes down that a run's workflow was terminated from outside, where it did not write its end itself. */
  async closeTerminated(runId: string | null): Promise<void> {
    const job = await this.#parts.records.read(this.id, async (_, row) => row).catch(() => null);
    if (!job || (runId !== null && job.run_id !== runId)) return;
    const { message } = new HoldfastError('HF_RUN_FAILED', { id: this.id, reason: 'its workflow was terminated' });
    await endInLedger(this.#parts, job, message);
  }

  /** @internal Why an activity of the run is being tried again; null where none is, or Temporal was not reached. */
  async pendingFailure(): Promise<string | null> {
    let reason: string | null = null;
    await this.#parts.temporal.bestEffort(async () => {
      const found = await this.#parts.temporal.describe(this.id);
      const failing = found?.raw.pendingActivities?.find((activity) => activity.lastFailure?.message);
      reason = failing?.lastFailure?.message ?? null;
    });
    return reason;
  }

  /** No new items are begun; those in flight end. It stays paused over restarts. Errors: HF_JOB_UNKNOWN, HF_JOB_ENDED. */
  pause(): Promise<Summary> {
    return steer(this.#parts, { paused: true });
  }

  /** Goes on with a paused job. Errors: HF_JOB_UNKNOWN. */
  resume(): Promise<Summary> {
    return steer(this.#parts, { paused: false });
  }

  /**
   * Ends the job: items in flight end or are aborted, what has landed stays. Waits for that for 20 s at most; done at once
   * where no worker runs. Errors: HF_JOB_UNKNOWN, HF_JOB_ENDED.
   */
  cancel(): Promise<Summary> {
    return cancelJob(this.#parts);
  }

  /**
   * Changes how fast it goes, within a second: items in flight and calls a second, over all workers; `rate: null` lifts the limit.
   * Errors: HF_JOB_UNKNOWN, HF_JOB_ENDED, HF_OPTION_INVALID.
   */
  async set(change: { readonly concurrency?: number; readonly rate?: number | null }): Promise<Summary> {
    checkControl(change);
    return steer(this.#parts, change);
  }

  /** Quarantined and unknown items with their errors, in source order. */
  failures(): AsyncGenerator<FailedItem> {
    return readFailures(this.#parts.records, this.id);
  }

  /** Sends quarantined items through again, with fresh tries: all that can be, or those with the keys. Errors: HF_JOB_UNKNOWN. */
  redrive({ keys = null }: { readonly keys?: readonly string[] | null } = {}): Promise<Redriven> {
    return redriveJob(this.#parts, keys);
  }

  /** The kept results of a job without a sink, in source order. Errors: HF_JOB_UNKNOWN, HF_RESULTS_ELSEWHERE. */
  results(): AsyncGenerator<KeptResult<ResultOf<J>>> {
    return readResults<ResultOf<J>>(this.#parts.records, this.id);
  }

  /** Started, and no worker has opened it yet: only Temporal knows of it. */
  async #unopened(): Promise<Summary | null> {
    let summary: Summary | null = null;
    await this.#parts.temporal.bestEffort(async () => {
      const found = await this.#parts.temporal.describe(this.id);
      if (found?.status.name !== 'RUNNING') return;
      const job = String(found.memo?.['job'] ?? this.id);
      summary = unopenedSummary({ jobId: this.id, job, elapsedMs: Date.now() - found.startTime.getTime() });
    });
    return summary;
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
