/** Where a ledger stands: another id is another ledger, a smaller number an older copy of it. */
export interface LedgerMark {
  readonly id: string;
  readonly commits: number;
}

/** What the job workflow is started with. Small and the same size whatever the job's. */
export interface JobInput {
  readonly jobId: string;
  readonly name: string;
  /** Canonical JSON. */
  readonly params: string;
  readonly again: boolean;
  readonly limit: number | null;
  /** Stored results are computed anew. */
  readonly refresh?: boolean;
  /** Set by continue-as-new: the run goes on under its epoch. */
  readonly opened?: OpenedRun;
}

/** What opening a run found: everything that its activities are given. */
export interface OpenedRun {
  readonly kind: 'run';
  readonly jobId: string;
  readonly name: string;
  /** Canonical JSON. */
  readonly params: string;
  readonly jobNo: number;
  readonly generation: number;
  readonly epoch: number;
  readonly ledger: LedgerMark;
  readonly heartbeatTimeoutMs: number;
}

export interface NothingNew {
  readonly kind: 'nothing-new';
  readonly result: JobResult;
}

/** A run that has begun, with its first chunks: one round trip less before the first item. */
export interface FreshRun {
  readonly kind: 'fresh';
  readonly run: OpenedRun;
  readonly plan: PlanOutcome | Restored;
}

export type OpenOutcome = FreshRun | NothingNew;

/** The ledger is an older copy than the workflow has seen: what it believes of it is void, open the job again. */
export interface Restored {
  readonly kind: 'restored';
}

export interface PlanInput {
  readonly run: OpenedRun;
  readonly after: number;
  readonly want: number;
  /** A chunk whose bytes were other ones when it was read: look whether the source was replaced. */
  readonly changed?: number;
}

export interface PlanOutcome {
  readonly kind: 'planned';
  /** Chunks behind `after` that are not done, in order. */
  readonly chunks: readonly number[];
  /** Number of the last chunk that this answer knows of. */
  readonly last: number;
  /** Nothing is left to plan. */
  readonly ended: boolean;
  /** Living worker processes of the job that have a share of its concurrency. */
  readonly workers: number;
  readonly status: RunStatus;
}

/** What the workflow steers by; every activity brings a fresh one. */
export interface RunStatus {
  /** When it was read, in milliseconds since 1970: an older one never replaces a newer one. */
  readonly at: number;
  readonly paused: boolean;
  readonly stop: 'cancelled' | 'tolerance' | null;
  /** Earliest time, in milliseconds since 1970, at which a waiting item is due; null: none waits. */
  readonly nextDueAt: number | null;
  readonly waiting: number;
  /** Too many items wait: no new ones until some are decided. */
  readonly full: boolean;
}

/** Range chunks by number, to be run one behind the other while time allows, or one retry lane. */
export interface ChunkInput {
  readonly run: OpenedRun;
  readonly kind: 'range' | 'retry';
  readonly numbers: readonly number[];
}

export interface ChunkOutcome {
  /** `stale`: another run has taken over. */
  readonly kind: 'ran' | 'stale';
  /** The numbers that are not done: schedule them again. */
  readonly left: readonly number[];
  /** A chunk whose bytes are not those that were planned: the source was replaced, plan anew. */
  readonly changed: number | null;
  /** Mean time of those that are done, in milliseconds; null where none is. */
  readonly chunkMs: number | null;
  readonly ledger: LedgerMark;
  readonly status: RunStatus;
}

export interface CloseInput {
  readonly run: OpenedRun;
  readonly cancelled: boolean;
  /** What ended the run early: it can only fail. */
  readonly failure: { readonly code: string; readonly message: string } | null;
}

export type CloseOutcome =
  | { readonly kind: 'closed'; readonly result: JobResult }
  /** Something is not done after all (a reset history): plan from the start again. */
  | { readonly kind: 'not-done' };

/** How a run of a job ended. */
export interface JobResult {
  /** By which commands and `client.job` find it: what failed, and its results. */
  readonly jobId: string;
  /** Its name. */
  readonly job: string;
  /** 1, and one more each time it was begun anew. */
  readonly generation: number;
  /** `partial`: some items are quarantined, no more than `tolerate` allows; beyond that it is `failed`. */
  readonly state: 'complete' | 'partial' | 'failed' | 'cancelled';
  /** Why it failed; else null. */
  readonly error: string | null;
  /** Where this run found nothing to do: since when the job has been as it is, in milliseconds since 1970; else null. */
  readonly nothingNewSince: number | null;
}

export const WAKE = 'holdfast.wake';
export const JOB_WORKFLOW = 'holdfastJob';

/** The task queue of a job name: two files on one server never take each other's work. */
export function taskQueueOf(job: string): string {
  return `holdfast.${job}`;
}

/** How a task's activity is asked, beside its input. */
export interface TaskCallOptions {
  /** Results from before this call are not taken. */
  readonly refresh?: boolean;
}

export const TASK_WORKFLOW = 'holdfastTask';

/** What the workflow of a single task is started with. */
export interface TaskInput {
  readonly task: string;
  /** By the encoding of `definitions/values.ts`. */
  readonly input?: unknown;
  /** Where the task is worked on. */
  readonly taskQueue: string;
  readonly refresh: boolean;
}

/** Where workflows of single tasks run. No job's queue is named so: names have no colon. */
export const TASKS_QUEUE = 'holdfast:tasks';

/** The task queue of a task that workers of Holdfast's own serve. */
export function taskQueueOfTask(task: string): string {
  return `holdfast:task.${task}`;
}

export interface IdentifyInput {
  readonly name: string;
  /** By the encoding of `definitions/values.ts`. */
  readonly params?: unknown;
  readonly id: string | null;
}

export interface JobIdentity {
  readonly id: string;
  /** Canonical JSON, with defaults. */
  readonly params: string;
}
