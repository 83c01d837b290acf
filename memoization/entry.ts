import type { MemoTask } from './memoization.ts';

/** A row of a stored result, without its value. */
export interface EntryRow {
  readonly entry_no: number;
  readonly key: Uint8Array;
  readonly tail: Uint8Array;
  readonly task_no: number;
  readonly made_at: number;
  readonly expires_at: number | null;
  readonly invalidated_at: number | null;
  readonly cost_ms: number;
  readonly made_by: string;
  readonly form: number;
  readonly sealed: number;
  readonly bytes: number;
  readonly checksum: number | null;
  readonly file: Uint8Array | null;
}

/** A row with what is needed to take its result: each column costs a batch of hits a fiftieth. */
export interface StoredRow extends Omit<EntryRow, 'key' | 'tail' | 'task_no'> {
  /** As text: a blob of the driver's costs a hit half a microsecond more. */
  readonly tail_hex: string;
  readonly value: Uint8Array | null;
  /** Of its file. */
  readonly folder: string | null;
}

/** A clock that runs ahead by no more is not worth recomputing for. */
const CLOCK_AHEAD_MS = 60_000;

export type Judgement =
  | { readonly kind: 'valid' }
  | { readonly kind: 'expired'; readonly at: number }
  | { readonly kind: 'invalidated'; readonly at: number }
  /** Begun before what the caller takes. */
  | { readonly kind: 'before' };

const VALID: Judgement = { kind: 'valid' };

type Lifetime = Pick<EntryRow, 'made_at' | 'expires_at' | 'invalidated_at' | 'cost_ms'>;

export interface JudgeOptions {
  readonly now: number;
  readonly notBefore: number | null;
}

/**
 * Whether a stored result may be taken. The end that was stored counts, and where the task has a shorter duration by now, that
 * one. A result that ends and was made in the future (the clock was set back) is over: nobody can tell how old it is.
 */
export function judge(row: Lifetime, task: Pick<MemoTask, 'memoize'> | null, options: JudgeOptions): Judgement {
  if (row.invalidated_at !== null) return { kind: 'invalidated', at: row.invalidated_at };
  if (isBefore(options.notBefore, { madeAt: row.made_at, costMs: row.cost_ms })) return { kind: 'before' };
  const end = endOf(row, task);
  if (end !== null && (end <= options.now || row.made_at > options.now + CLOCK_AHEAD_MS)) {
    return { kind: 'expired', at: Math.min(end, options.now) };
  }
  return VALID;
}

/**
 * Whether computing a result began before a moment: one that was under way then may be of what was there before. One that began
 * in the same millisecond counts as before.
 */
export function isBefore(moment: number | null, made: { readonly madeAt: number; readonly costMs: number }): boolean {
  return moment !== null && made.madeAt - Math.ceil(made.costMs) < moment;
}

/** When a stored result ends for a task, null for never. */
export function endOf(row: Lifetime, task: Pick<MemoTask, 'memoize'> | null): number | null {
  const expires = task?.memoize.expires;
  if (expires?.kind !== 'after') return row.expires_at;
  return Math.min(row.expires_at ?? Number.POSITIVE_INFINITY, row.made_at + expires.ms);
}
