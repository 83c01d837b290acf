import type { JobHandle, Summary } from '../client/index.ts';
import { shellWord } from './format.ts';
import type { Output } from './output.ts';
import type { Progress } from './progress.ts';

const LOOK_MS = 500;
/** So long nothing may happen before it is asked why. */
const ASK_WHY_MS = 4_000;

export interface FollowOptions {
  readonly handle: JobHandle;
  readonly output: Output;
  readonly progress: Progress;
}

/** A run that is watched to its end: live progress from the ledger, its end from the workflow. */
export class FollowedRun {
  readonly #options: FollowOptions;
  readonly #timer: NodeJS.Timeout;
  #handle: JobHandle;
  #looking = false;
  #stopped = false;
  #seen = '';
  #seenAt = Date.now();
  #said = '';
  #state: Summary['state'] | null = null;

  constructor(options: FollowOptions) {
    this.#options = options;
    this.#handle = options.handle;
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
  }

  /** Waits for the run's end. */
  end() {
    const { output } = this.#options;
    return this.#handle.runEnd(() =>
      output.note('holdfast: the server cannot be reached; waiting for it (what is in flight goes on and is recorded)'),
    );
  }

  /** Goes on with the run of another handle. */
  forgetRun(handle: JobHandle): void {
    this.#handle = handle;
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      const { summary } = await this.#handle.status();
      if (!this.#stopped) await this.#show(summary);
    } catch {
      await this.#askWhy('unopened');
    } finally {
      this.#looking = false;
    }
  }

  async #show(summary: Summary): Promise<void> {
    const { output, progress } = this.#options;
    const open = summary.state === 'running' || summary.state === 'paused';
    if (open && summary.state !== this.#state) {
      if (summary.state === 'paused')
        output.note(`holdfast: paused; it goes on with: holdfast resume ${shellWord(summary.jobId)}`);
      else if (this.#state === 'paused') output.note('holdfast: resumed');
      this.#state = summary.state;
    }
    if (open) progress.show(summary);
    if (summary.state !== 'paused')
      await this.#askWhy(JSON.stringify([summary.state, summary.items, summary.calls, summary.chunks]));
  }

  /** Where nothing moves: an activity that fails and is tried again says why. */
  async #askWhy(now: string): Promise<void> {
    if (now !== this.#seen) {
      this.#seen = now;
      this.#seenAt = Date.now();
    }
    if (Date.now() - this.#seenAt < ASK_WHY_MS) return;
    this.#seenAt = Date.now();
    const reason = await this.#handle.pendingFailure();
    if (this.#stopped || reason === null || reason === this.#said) return;
    this.#said = reason;
    this.#options.output.note(`holdfast: trying again: ${reason}`);
  }
}
