import type { MemoizeSpec } from '../definitions/memoize.ts';
import type { Wait } from './wait-rows.ts';

/** What memoization has to know of a task. A `TaskSpec` that is memoized is one. */
export interface MemoTask {
  readonly name: string;
  readonly version: string;
  readonly memoize: MemoizeSpec;
  /** How results become bytes. @default the encoding of `definitions/values.ts` as UTF-8 */
  readonly values?: ValueForm;
}

/** Whether a task's specification asks for memoization. */
export function isMemoTask<T extends { readonly memoize: MemoizeSpec | null }>(
  task: T,
): task is T & { readonly memoize: MemoizeSpec } {
  return task.memoize !== null;
}

/** How values become bytes and come back: given by whoever has a converter of its own. */
export interface ValueForm {
  encode(value: unknown): Uint8Array | Promise<Uint8Array>;
  decode(bytes: Uint8Array): unknown;
}

/** What stored bytes go through on their way in and out: the user's payload codecs (encryption). */
export interface Seal {
  seal(bytes: Uint8Array): Promise<Uint8Array>;
  unseal(bytes: Uint8Array): Promise<Uint8Array>;
}

/** The key of one input. */
export interface MemoKey {
  /** SHA-256 of the canonical JSON of [task name, version, key value], 64 hexadecimal digits. */
  readonly hash: string;
  /** The key's value part by part, for explaining a later miss; made when it is asked for. */
  readonly parts: () => string;
}

/** A stored result that may be taken. `value` is a copy of the caller's own. */
export interface Hit {
  readonly value: unknown;
  /** What computing it took, in milliseconds. */
  readonly costMs: number;
  /** In milliseconds since 1970. */
  readonly madeAt: number;
  /** The job, or the workflow, that computed it. */
  readonly madeBy: string;
}

/** The right to compute one key; nobody else has it while its holder's process lives. Over with `complete` or `release`. */
export interface Claim {
  readonly task: MemoTask;
  readonly key: MemoKey;
  readonly token: string;
}

export type ClaimAnswer =
  | { readonly kind: 'mine'; readonly claim: Claim }
  | { readonly kind: 'hit'; readonly hit: Hit }
  /** Another call, here or in another process, computes it: `wait` for it, giving `waits` on, and holding nothing. */
  | { readonly kind: 'busy'; readonly waits: readonly Wait[] }
  /** Waiting would close a circle of calls that wait for each other: compute without a claim, and store nothing. */
  | { readonly kind: 'circle' };

export interface LookupOptions {
  /** Results made before (milliseconds since 1970) are not taken. Null: any. */
  readonly notBefore: number | null;
}

export interface ClaimOptions extends LookupOptions {
  /** The key within whose computation this one is asked for, if any. @default that of the running code (`within`) */
  readonly enclosing?: Claim | null;
}

export interface WaitOptions extends LookupOptions {
  readonly signal: AbortSignal;
  /** Results stored since (milliseconds since 1970) are taken even if they have expired. @default now */
  readonly since?: number;
  /** As `claim` gave them. @default none: the call is part of no other */
  readonly waits?: readonly Wait[];
}

export interface Computed {
  readonly claim: Claim;
  readonly value: unknown;
  /** As the task was given it, for `expires` of the result. */
  readonly input: unknown;
  readonly costMs: number;
  readonly madeBy: string;
  readonly again?: AskAgain;
}

/** Whether the store is asked once more after an error of it; the claim is held meanwhile. @default no */
export type AskAgain = (error: unknown) => boolean;

export interface RunOptions extends LookupOptions {
  readonly madeBy: string;
  /** Ends waiting, not computing. Rejects with its reason. */
  readonly signal: AbortSignal;
  /** Not asked where the task has `onStoreError: 'run'`. */
  readonly again?: AskAgain;
  /** Told what the call then rejects with where neither the input, the function nor its result is to blame. */
  readonly storeFailed?: (error: unknown) => void;
  /** Longest time to wait for another process before HF_MEMO_BUSY, in milliseconds. @default no limit */
  readonly waitMsMax?: number;
}

export interface RunOutcome {
  readonly value: unknown;
  /** Null: the function was called. */
  readonly hit: Hit | null;
}

/**
 * Memoization of one process on one store. Of all processes that share the store, one computes an entry while the others wait.
 *
 * A hit was computed for exactly that key, completely, by a holder whose token was current. A stored result that is missing or
 * damaged, or that the seal does not open, is a miss. Errors of the store's database come out as they are.
 */
export interface Memoization {
  /** Errors: HF_MEMO_KEY with task and path; what the user's `memoize.key` throws. */
  keyOf(task: MemoTask, input: unknown): MemoKey;
  /** One query for all keys; an answer for each, in order. */
  lookup(task: MemoTask, keys: readonly MemoKey[], options: LookupOptions): Promise<readonly (Hit | null)[]>;
  /** Asks for the right to compute. Calls that come together share a transaction. */
  claim(task: MemoTask, key: MemoKey, options: ClaimOptions): Promise<ClaimAnswer>;
  /**
   * Resolves when a key that was busy may be asked for again: with the result when one was stored since the wait began (even if
   * it has expired by now), else (its holder failed or died) with null. Rejects with the signal's reason.
   */
  wait(task: MemoTask, key: MemoKey, options: WaitOptions): Promise<Hit | null>;
  /**
   * Stores a result and ends its claim. When it resolves the result outlives this process, killed or not; a power cut may take
   * those of the last seconds, which are computed again then. Calls that come together share a transaction. A claim that was
   * taken over or invalidated stores nothing, and that is no error.
   * Errors: HF_RESULT_NOT_STORABLE (the claim is released then).
   */
  complete(computed: Computed): Promise<void>;
  /**
   * Ends a claim without a result: its function failed. Never rejects: what cannot be written now is written later. Those who
   * wait are woken, and one of them tries next.
   */
  release(claim: Claim): Promise<void>;
  /** Runs code as part of a key's computation, so that memoized calls within know it. */
  within<T>(claim: Claim, run: () => T): T;
  /**
   * The whole way: looks the key up, else computes it or waits for who does.
   * Errors: HF_MEMO_KEY, HF_MEMO_CYCLE, HF_MEMO_BUSY, HF_RESULT_NOT_STORABLE, and what `compute` throws. With `onStoreError: 'run'`
   * errors of the store lead to a plain call.
   */
  run(task: MemoTask, input: unknown, compute: () => unknown, options: RunOptions): Promise<RunOutcome>;
  /** Waits for what is being written, and lets go of everything. The database stays open: it is the caller's. */
  close(): Promise<void>;
}
