interface Waiter {
  readonly priority: number;
  readonly weight: number;
  readonly grant: () => void;
}

/**
 * The semaphore of a job in a process, shared by all chunk attempts there, so that the end of one chunk does not run dry while
 * the next begins. The lowest priority number (the earliest chunk) is served first.
 */
export class Slots {
  #limit: number;
  #used = 0;
  #waiters: Waiter[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  get limit(): number {
    return this.#limit;
  }

  /** Items in flight now. */
  get used(): number {
    return this.#used;
  }

  setLimit(limit: number): void {
    this.#limit = limit;
    this.#serve();
  }

  tryAcquire(weight: number): boolean {
    if (this.#waiters.length > 0 || !this.#fits(weight)) return false;
    this.#used += weight;
    return true;
  }

  /** Resolves to true when the slots are held, to false when the signal comes first. */
  acquire(
    weight: number,
    { priority, signal }: { readonly priority: number; readonly signal: AbortSignal },
  ): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const waiter: Waiter = {
        priority,
        weight,
        grant: () => {
          signal.removeEventListener('abort', giveUp);
          resolve(true);
        },
      };
      const giveUp = () => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        resolve(false);
        this.#serve();
      };
      signal.addEventListener('abort', giveUp, { once: true });
      const behind = this.#waiters.findIndex((other) => other.priority > priority);
      this.#waiters.splice(behind < 0 ? this.#waiters.length : behind, 0, waiter);
      this.#serve();
    });
  }

  release(weight: number): void {
    this.#used -= weight;
    this.#serve();
  }

  /** A weight above the limit is let through alone, or it would wait forever. */
  #fits(weight: number): boolean {
    return this.#limit > 0 && (this.#used === 0 || this.#used + weight <= this.#limit);
  }

  #serve(): void {
    for (let next = this.#waiters[0]; next && this.#fits(next.weight); next = this.#waiters[0]) {
      this.#waiters.shift();
      this.#used += next.weight;
      next.grant();
    }
  }
}
