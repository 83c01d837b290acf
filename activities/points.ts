import { MEMO_POINTS } from '../memoization/points.ts';

/**
 * Places at which a process may die, by name: the crash suite and the kill drill end a process there to show that nothing is
 * lost or doubled. Nothing happens at them otherwise.
 */
export const POINTS = [
  'before-read',
  'after-read',
  'after-claim',
  'after-function',
  'before-commit',
  'inside-commit',
  'after-commit',
  'before-report',
  'during-open',
  'during-plan',
  'after-plan',
  'during-close',
  'after-close',
  ...MEMO_POINTS,
] as const;

export type Point = (typeof POINTS)[number];

/** Called when a point is reached. */
export type ReachPoint = (point: Point) => void;
