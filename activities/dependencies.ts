import type { JobSpec } from '../definitions/job.ts';
import type { Store } from '../ledger/store.ts';
import type { Memoization } from '../memoization/memoization.ts';
import type { RecordedTransactions } from '../sinks/recorded-transactions.ts';
import type { ReachPoint } from './points.ts';

export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

/** Everything that the activities need from outside. */
export interface Dependencies {
  readonly jobs: ReadonlyMap<string, JobSpec>;
  readonly store: Store;
  readonly memo: Memoization;
  /** What `ctx.transaction` runs on. */
  readonly transactions: RecordedTransactions;
  /** This process, as chunk owners and leases name it. */
  readonly owner: string;
  /** Relative paths of sources and sinks are relative to this. */
  readonly directory: string;
  readonly now: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  readonly reach: ReachPoint;
  readonly log: Log;
  /** Aborted when this process is asked to leave: items in flight finish, nothing new is begun. */
  readonly shutdown: AbortSignal;
  readonly shutdownGraceMs: number;
  readonly leaseMs: number;
  readonly heartbeatTimeoutMs: number;
}
