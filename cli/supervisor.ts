import { type ChildProcess, fork } from 'node:child_process';
import { counted, duration } from './format.ts';
import { Interruption } from './interruption.ts';
import { loadDefinitions } from './load-definitions.ts';
import type { Output } from './output.ts';
import { openPlace, type TemporalPlace } from './temporal-place.ts';

const BACKOFF_FIRST_MS = 1_000;
const BACKOFF_MAX_MS = 30_000;
/** A process that lived so long was well: its next crash is its first. */
const WELL_AFTER_MS = 60_000;
const WRONG_USE = 2;

export interface SuperviseOptions {
  readonly files: readonly string[];
  readonly processes: number;
}

/** `holdfast worker`: keeps a number of worker processes alive until it is told to leave. Resolves to the exit code. */
export async function superviseWorkers(output: Output, { files, processes }: SuperviseOptions): Promise<number> {
  const interruption = new Interruption(output);
  // Wrong files are said once and at once, not by every process again and again.
  const { names } = await loadDefinitions(files);
  const served = [...names.jobs, ...names.tasks.map((task) => `task ${task}`)];
  const place = await openPlace({ output, use: 'run' });
  try {
    output.tell(`holdfast: ${counted(processes, 'worker')} for ${served.join(', ')} · server ${place.title}`);
    const supervised = Array.from(
      { length: processes },
      (_, index) => new SupervisedWorker({ output, files, place, name: `worker ${index + 1}` }),
    );
    const given = Promise.race(supervised.map((worker) => worker.gaveUp));
    const end = await Promise.race([interruption.asked.then(() => 130), given]);
    if (end === 130) output.note('holdfast: stopping; items in flight get 10 s to finish');
    await Promise.all(supervised.map((worker) => worker.stop()));
    output.document({
      ...names,
      processes,
      restarts: supervised.reduce((sum, worker) => sum + worker.restarts, 0),
    });
    return end;
  } finally {
    await place.release();
    interruption.forget();
  }
}

interface SupervisedParts {
  readonly output: Output;
  readonly files: readonly string[];
  readonly place: TemporalPlace;
  readonly name: string;
}

/** A worker process that is started again when it crashes: after 1 s, doubling up to 30 s. */
class SupervisedWorker {
  restarts = 0;
  /** Resolves to an exit code when starting it again cannot help. */
  readonly gaveUp: Promise<number>;
  readonly #parts: SupervisedParts;
  readonly #giveUp: (code: number) => void;
  #process: ChildProcess | null = null;
  #ended: Promise<void> = Promise.resolve();
  #backoffMs = BACKOFF_FIRST_MS;
  #timer: NodeJS.Timeout | null = null;
  #stopping = false;

  constructor(parts: SupervisedParts) {
    this.#parts = parts;
    const { promise, resolve } = Promise.withResolvers<number>();
    this.gaveUp = promise;
    this.#giveUp = resolve;
    this.#start();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.#process?.kill('SIGTERM');
    await this.#ended;
  }

  #start(): void {
    const { files, place } = this.#parts;
    const options = ['--supervised', '--address', place.address, '--namespace', place.namespace];
    // stdout is the supervisor's answer.
    const child = fork(process.argv[1] as string, ['worker', ...files, ...options], { stdio: ['ignore', 2, 2, 'ipc'] });
    const startedAt = Date.now();
    this.#process = child;
    this.#ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.#process = null;
        resolve();
        if (!this.#stopping) this.#crashed({ code, signal, lived: Date.now() - startedAt });
      });
    });
  }

  #crashed({
    code,
    signal,
    lived,
  }: {
    readonly code: number | null;
    readonly signal: string | null;
    readonly lived: number;
  }): void {
    const { output, name } = this.#parts;
    if (code === WRONG_USE) {
      this.#giveUp(WRONG_USE);
      return;
    }
    if (lived >= WELL_AFTER_MS) this.#backoffMs = BACKOFF_FIRST_MS;
    const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
    output.note(`holdfast: ${name} ended ${how}; starting it again in ${duration(this.#backoffMs)}`);
    this.#timer = setTimeout(() => {
      this.restarts++;
      this.#start();
    }, this.#backoffMs);
    this.#backoffMs = Math.min(BACKOFF_MAX_MS, this.#backoffMs * 2);
  }
}
