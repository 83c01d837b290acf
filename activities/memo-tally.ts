import type { MemoCounts } from '../ledger/rows.ts';
import type { RunOutcome } from '../memoization/memoization.ts';

export const NO_MEMO: MemoCounts = Object.freeze({ hits: 0, misses: 0, savedMs: 0 });

export const ONE_MISS: MemoCounts = Object.freeze({ hits: 0, misses: 1, savedMs: 0 });

export function oneHit({ costMs }: { readonly costMs: number }): MemoCounts {
  return { hits: 1, misses: 0, savedMs: costMs };
}

/** Sums up what memoization did. */
export class MemoTally implements MemoCounts {
  hits = 0;
  misses = 0;
  savedMs = 0;

  add({ hits, misses, savedMs }: MemoCounts): void {
    this.hits += hits;
    this.misses += misses;
    this.savedMs += savedMs;
  }

  count({ hit }: RunOutcome): void {
    this.add(hit === null ? ONE_MISS : oneHit(hit));
  }
}
