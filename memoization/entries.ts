import type { MemoKey, MemoTask } from './memoization.ts';

/** A stored entry as commands show it. */
export interface EntryView {
  /** 64 hexadecimal digits. */
  readonly key: string;
  readonly task: string;
  readonly version: string;
  /** The key's value part by part: name (`$` for a value that has none) → canonical JSON, cut where it is long. */
  readonly parts: Readonly<Record<string, string>>;
  readonly state: 'valid' | 'expired' | 'invalidated' | 'damaged' | 'running';
  readonly madeAt: number | null;
  readonly madeBy: string | null;
  readonly expiresAt: number | null;
  readonly invalidatedAt: number | null;
  readonly costMs: number | null;
  readonly bytes: number | null;
  /** Path of the result's file; null: in the store. */
  readonly file: string | null;
  readonly sealed: boolean;
}

export type MissReason =
  | { readonly kind: 'never' }
  | { readonly kind: 'expired'; readonly at: number }
  | { readonly kind: 'version'; readonly from: string; readonly to: string }
  | { readonly kind: 'part'; readonly changes: readonly PartChange[]; readonly nearest: string }
  | { readonly kind: 'invalidated'; readonly at: number }
  | { readonly kind: 'damaged'; readonly file: string | null }
  | { readonly kind: 'running' };

export interface PartChange {
  readonly part: string;
  /** Null: the part was not there. */
  readonly from: string | null;
  readonly to: string | null;
}

export type Explanation =
  | { readonly kind: 'hit'; readonly key: string; readonly entry: EntryView }
  | { readonly kind: 'miss'; readonly key: string; readonly reason: MissReason };

export interface TaskStats {
  readonly task: string;
  readonly version: string;
  readonly entries: number;
  readonly expired: number;
  readonly invalidated: number;
  readonly running: number;
  /** Of the results, in the store and in files. */
  readonly bytes: number;
  /** What computing the valid ones took: what they save. */
  readonly costMs: number;
  readonly oldestAt: number | null;
  readonly newestAt: number | null;
}

/** Which entries: all that fit everything given. */
export interface EntrySelection {
  readonly task?: string;
  readonly version?: string;
  /** A key, or the beginning of one (8 digits at least). */
  readonly key?: string;
  /** Made before, in milliseconds since 1970. */
  readonly madeBefore?: number;
}

export interface Collected {
  /** Expired and invalidated entries that were removed. */
  readonly entries: number;
  /** Result files that no entry refers to. */
  readonly files: number;
  readonly bytes: number;
}

/** Costs of a task's stored results, for expecting what others will take; null where none is stored. */
export interface CostRange {
  readonly count: number;
  readonly lowMs: number;
  readonly medianMs: number;
  readonly highMs: number;
}

/** What commands ask of the memoization store, with no worker running. */
export interface MemoEntries {
  stats(): Promise<readonly TaskStats[]>;
  /** Newest first. */
  list(selection: EntrySelection, options: { readonly limit: number }): Promise<readonly EntryView[]>;
  /** The entries whose key begins so. */
  find(keyPrefix: string): Promise<readonly EntryView[]>;
  /** The result of an entry; null where it is missing, damaged or sealed. */
  valueOf(key: string): Promise<{ readonly value: unknown } | null>;
  explain(task: MemoTask, key: MemoKey): Promise<Explanation>;
  /** For each key null for a hit, else why not; never `part`, which costs a search. */
  reasonsOf(task: MemoTask, keys: readonly MemoKey[]): Promise<readonly (MissReason | null)[]>;
  costsOf(task: Pick<MemoTask, 'name'>): Promise<CostRange | null>;
  /** Marks entries as not to be taken any more, and takes their claims from those who compute; returns how many. */
  invalidate(selection: EntrySelection): Promise<number>;
  /** Removes what is over, and result files that nothing refers to and nobody has written lately; never one in use. */
  collect(): Promise<Collected>;
}
