const BURST_MS = 100;

/**
 * How many calls a second may start: the generic cell rate algorithm (ITU-T I.371), with bursts of a tenth of a second.
 * Limits nothing while the rate is null.
 */
export class RateLimit {
  #intervalMs = 0;
  #nextMs = 0;

  setRate(perSecond: number | null): void {
    this.#intervalMs = perSecond === null ? 0 : 1000 / perSecond;
  }

  /** Takes room for so many calls and says how many milliseconds to wait before making them. */
  take(calls: number, nowMs: number): number {
    if (this.#intervalMs === 0) return 0;
    const start = Math.max(this.#nextMs, nowMs - BURST_MS);
    this.#nextMs = start + calls * this.#intervalMs;
    return Math.max(0, start - nowMs);
  }

  /** Room that was taken for calls that are not made after all. */
  giveBack(calls: number): void {
    this.#nextMs -= calls * this.#intervalMs;
  }
}
