interface Waiter {
  readonly priority: number;
  readonly open: () => void;
}

/** The records of a chunk that one attempt has read. */
export interface Load {
  /** So many records are in memory and not begun. */
  loaded(records: number): void;
  /** One of them is begun. */
  took(): void;
  /** The attempt is over, whatever is left of it. */
  end(): void;
}

/**
 * Keeps chunks from being read long before their items can run: memory follows what is in flight, not the number of chunk
 * activities. The earliest chunk is read first.
 */
export class LoadGate {
  readonly #enough: () => number;
  #waiting = 0;
  #loading = 0;
  #waiters: Waiter[] = [];

  /** @param enough records not begun at which no further chunk is read */
  constructor(enough: () => number) {
    this.#enough = enough;
  }

  /** Waits until another chunk should be read; null when the signal comes first. */
  async begin(priority: number, signal: AbortSignal): Promise<Load | null> {
    if (!(await this.#admit(priority, signal))) return null;
    this.#loading++;
    let own = 0;
    let counted = false;
    const settle = () => {
      if (!counted) this.#loading--;
      counted = true;
    };
    return {
      loaded: (records) => {
        settle();
        own = records;
        this.#waiting += records;
        this.#serve();
      },
      took: () => {
        own--;
        this.#waiting--;
        if (this.#waiters.length > 0) this.#serve();
      },
      end: () => {
        settle();
        this.#waiting -= own;
        own = 0;
        this.#serve();
      },
    };
  }

  #admit(priority: number, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false);
    if (this.#waiters.length === 0 && this.#isOpen()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const giveUp = () => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        resolve(false);
      };
      const waiter: Waiter = {
        priority,
        open: () => {
          signal.removeEventListener('abort', giveUp);
          resolve(true);
        },
      };
      signal.addEventListener('abort', giveUp, { once: true });
      const behind = this.#waiters.findIndex((other) => other.priority > priority);
      this.#waiters.splice(behind < 0 ? this.#waiters.length : behind, 0, waiter);
    });
  }

  /** One chunk at a time is read: how much it brings is not known before. */
  #isOpen(): boolean {
    return this.#loading === 0 && this.#waiting < this.#enough();
  }

  #serve(): void {
    if (!this.#isOpen()) return;
    this.#waiters.shift()?.open();
  }
}
