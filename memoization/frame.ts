import type { Wait } from './wait-rows.ts';

/** A key that is being computed by the running code, and the one within whose computation that one was asked for. */
export interface Frame {
  readonly hash: string;
  /** Null: computed without a claim. */
  readonly token: string | null;
  readonly parent: Frame | null;
  /** Its function has ended. What that began and did not wait for (a timer, a batch that others fill) is part of it no more. */
  isOver: boolean;
}

export function isWithin(frame: Frame | null, hash: string): boolean {
  for (let at = frame; at !== null; at = at.parent) if (!at.isOver && at.hash === hash) return true;
  return false;
}

/** The waits that a call within a frame stands for: every computation around it waits as well. */
export function waitsOf(frame: Frame | null, awaited: string): readonly Wait[] {
  const waits: Wait[] = [];
  for (let at = frame; at !== null; at = at.parent) {
    if (!at.isOver && at.token !== null) waits.push({ waiter: at.hash, token: at.token, awaited });
  }
  return waits;
}
