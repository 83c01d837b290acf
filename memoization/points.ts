/** Places of a memoized call at which a process may die: see `activities/points.ts`. */
export const MEMO_POINTS = [
  'after-memo-lookup',
  'after-memo-claim',
  'after-memo-compute',
  'after-memo-file',
  'inside-memo-store',
  'after-memo-store',
  'after-memo-release',
] as const;

export type MemoPoint = (typeof MEMO_POINTS)[number];
