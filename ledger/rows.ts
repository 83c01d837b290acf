/** Rows of the ledger as its queries give them. */

export type JobState = 'running' | 'complete' | 'partial' | 'failed' | 'cancelled';

export const RANGE = 0;
export const LANE = 1;

export interface JobRow {
  readonly job_no: number;
  readonly job_id: string;
  readonly generation: number;
  readonly name: string;
  readonly params: string;
  readonly source: string;
  readonly source_title: string;
  readonly sink: string;
  readonly sink_title: string;
  readonly state: JobState;
  readonly error: string | null;
  readonly epoch: number;
  readonly run_id: string | null;
  readonly source_state: string | null;
  readonly pass: number;
  readonly pass_applied: number;
  readonly next_cursor: string | null;
  readonly planned: number;
  readonly source_ended: 0 | 1 | 2;
  readonly item_limit: number | null;
  readonly reserved: number;
  readonly concurrency: number;
  readonly rate: number | null;
  readonly paused: 0 | 1;
  readonly cancelling: 0 | 1;
  readonly base_applied: number;
  readonly created_at: number;
  readonly started_at: number;
  readonly asked_at: number | null;
  readonly refresh: 0 | 1;
  readonly ended_at: number | null;
}

export interface ChunkRow {
  readonly job_no: number;
  readonly kind: number;
  readonly number: number;
  readonly pass: number;
  readonly from_cursor: string | null;
  readonly to_cursor: string | null;
  readonly next_cursor: string | null;
  readonly checksum: string | null;
  readonly records: number;
  readonly state: 'planned' | 'done' | 'superseded';
  readonly fence: number;
  readonly seq: number;
  readonly owner: string | null;
  readonly landed: Uint8Array | null;
  readonly settled: Uint8Array | null;
  readonly read: number;
  readonly known: number;
  readonly applied: number;
  readonly calls: number;
  readonly retried: number;
  readonly memo_hits: number;
  readonly memo_misses: number;
  readonly memo_saved_ms: number;
}

/** What memoization did for some items. */
export interface MemoCounts {
  /** Results that were taken again. */
  readonly hits: number;
  /** Results that had to be computed. */
  readonly misses: number;
  /** What computing the hits took when they were computed. */
  readonly savedMs: number;
}

export type ItemState = 'waiting' | 'quarantined' | 'unknown';
export type ItemReason = 'failed' | 'malformed' | 'schema' | 'key' | 'duplicate' | 'too-large' | 'sink';

export interface ItemRow {
  readonly job_no: number;
  readonly chunk: number;
  readonly position: number;
  readonly key: string | null;
  readonly state: ItemState;
  readonly reason: ItemReason;
  readonly attempts: number;
  readonly due_at: number | null;
  readonly lane: number | null;
  readonly lane_fence: number | null;
  readonly input: string | null;
  readonly error: string;
  readonly place: string;
  readonly updated_at: number;
}
