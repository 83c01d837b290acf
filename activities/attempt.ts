import type { Context } from '@temporalio/activity';
import type { OpenedRun } from '../workflows/messages.ts';
import type { ItemWork } from './item-context.ts';
import type { ItemPump } from './item-pump.ts';
import type { JobSession } from './job-session.ts';

const HEARTBEAT_MS = 1_000;
const LOOK_MS = 300;

export interface AttemptOptions {
  readonly session: JobSession;
  readonly run: OpenedRun;
  readonly context: Pick<Context, 'heartbeat' | 'cancellationSignal'>;
  /** This process is asked to leave, or a newer attempt of the same chunk has started in it. */
  readonly leave: AbortSignal;
}

/** One chunk (or retry lane) of a run. */
export interface OneChunk {
  readonly run: OpenedRun;
  readonly number: number;
}

export interface DriveOptions {
  readonly yieldAfterMs: number;
  /** Whether too many waiting items stop it: ranges, which make more of them. */
  readonly holdWhenFull: boolean;
}

/** One attempt of an activity that runs items: keeps it alive, and stops it for whatever it must stop for. */
export class Attempt {
  readonly #options: AttemptOptions;
  readonly #signal: AbortSignal;

  constructor(options: AttemptOptions) {
    this.#options = options;
    this.#signal = AbortSignal.any([options.context.cancellationSignal, options.leave]);
  }

  /** Aborted when the attempt must end, whatever it waits for. */
  get signal(): AbortSignal {
    return this.#signal;
  }

  /** Runs works through a pump until they are settled, or something stops it and what was in flight has ended. */
  async drive<Work extends ItemWork>(
    pump: ItemPump<Work>,
    options: DriveOptions,
    works: Iterable<Work>,
  ): Promise<void> {
    const { session, context } = this.#options;
    const heartbeat = setInterval(() => context.heartbeat({ inFlight: pump.inFlight }), HEARTBEAT_MS);
    const look = setInterval(() => void this.#look(pump, options), LOOK_MS);
    const yielding = setTimeout(() => pump.stop('yield'), options.yieldAfterMs);
    let grace: NodeJS.Timeout | null = null;
    const onLeave = () => {
      pump.stop('shutdown');
      grace ??= setTimeout(() => void pump.abandon(new Error('the process leaves')), session.deps.shutdownGraceMs);
    };
    if (this.#signal.aborted) onLeave();
    else this.#signal.addEventListener('abort', onLeave, { once: true });
    try {
      await this.#look(pump, options);
      await pump.run(works);
    } finally {
      clearInterval(heartbeat);
      clearInterval(look);
      clearTimeout(yielding);
      if (grace) clearTimeout(grace);
      this.#signal.removeEventListener('abort', onLeave);
    }
  }

  async #look<Work extends ItemWork>(pump: ItemPump<Work>, { holdWhenFull }: DriveOptions): Promise<void> {
    const { session, run } = this.#options;
    try {
      const { job, status } = await session.look();
      if (job.epoch !== run.epoch) pump.stop('superseded');
      else if (status.stop) pump.stop(status.stop);
      else if (status.paused) pump.stop('paused');
      else if (status.full && holdWhenFull) pump.stop('full');
      else if (session.slots.limit === 0) pump.stop('no-share');
    } catch (error) {
      pump.fail(error);
    }
  }
}
