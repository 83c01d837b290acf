import { DEFAULTS } from '../definitions/limits.ts';

export interface CommitBufferOptions<Entry> {
  /** Makes a batch durable. */
  readonly commit: (entries: readonly Entry[]) => Promise<void>;
  /** A commit that a timer started has failed. */
  readonly fail: (error: unknown) => void;
}

/**
 * Gathers outcomes and commits them when a quarter of a second has gone by since the first, or enough are there. One
 * commit at a time, in order.
 */
export class CommitBuffer<Entry> {
  readonly #options: CommitBufferOptions<Entry>;
  #entries: Entry[] = [];
  #timer: NodeJS.Timeout | null = null;
  #last: Promise<void> = Promise.resolve();
  #firstAt = 0;

  constructor(options: CommitBufferOptions<Entry>) {
    this.#options = options;
  }

  /** Resolves (at once, without a promise, where it can) when there is room for more. */
  add(entry: Entry): Promise<void> | undefined {
    if (this.#entries.push(entry) === 1) {
      this.#firstAt = performance.now();
      this.#timer ??= setTimeout(() => this.#onTimer(), DEFAULTS.commitIntervalMs);
      return undefined;
    }
    // A synchronous function can keep the timer from firing: look at the clock now and then.
    const late = (this.#entries.length & 63) === 0 && performance.now() - this.#firstAt > DEFAULTS.commitIntervalMs;
    return late || this.#entries.length >= DEFAULTS.commitOutcomesMax ? this.flush() : undefined;
  }

  /** Commits what is there; resolves when that is durable. */
  flush(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#entries.length === 0) return this.#last;
    const entries = this.#entries;
    this.#entries = [];
    this.#last = this.#last.then(() => this.#options.commit(entries));
    return this.#last;
  }

  /** Forgets what is not committed, once nothing may commit any more. */
  discard(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#entries = [];
  }

  #onTimer(): void {
    this.#timer = null;
    this.flush().catch(this.#options.fail);
  }
}
