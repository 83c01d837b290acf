const BURST_MS = 100;

/**
 * How many calls a second may start: the generic cell rate algorithm (ITU-T I.371), with bursts of a tenth of a second.
 * Limits nothing while the rate is null.
 */
export class RateLimit {
  #intervalMs = 0;
  #nextMs = 0;
  readonly #waiting = new Set<{ readonly sooner: (ms: number) => void }>();

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

  /** Room that was taken for calls that are not made after all: those who wait move up. */
  giveBack(calls: number): void {
    const ms = calls * this.#intervalMs;
    this.#nextMs -= ms;
    for (const waiting of [...this.#waiting]) waiting.sooner(ms);
  }

  /** Waits as long as `take` said, or less where room is given back; ends with the signal, too. */
  wait(waitMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        this.#waiting.delete(waiting);
        resolve();
      };
      let dueMs = performance.now() + waitMs;
      const arm = () => setTimeout(end, Math.min(Math.max(0, dueMs - performance.now()), 2 ** 31 - 1));
      const waiting = {
        sooner: (ms: number) => {
          dueMs -= ms;
          clearTimeout(timer);
          timer = arm();
        },
      };
      let timer = arm();
      this.#waiting.add(waiting);
      signal.addEventListener('abort', end, { once: true });
    });
  }
}
