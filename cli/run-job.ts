import { setTimeout as sleep } from 'node:timers/promises';
import { HoldfastClient, type JobHandle, type JobStatus } from '../client/index.ts';
import { nothingDone } from '../client/summary.ts';
import { createWorker, type HoldfastWorker } from '../worker/index.ts';
import { standardLog } from '../worker/log.ts';
import { checkIdentity } from './check-identity.ts';
import { type ChosenRun, checkJob } from './check-job.ts';
import { chooseJob } from './choose-job.ts';
import { describeEnd, exitCodeOfState } from './end-report.ts';
import { FollowedRun } from './followed-run.ts';
import { counted, shellWord } from './format.ts';
import { Interruption } from './interruption.ts';
import type { StartCommandOptions } from './options.ts';
import type { Output } from './output.ts';
import { Progress } from './progress.ts';
import { quietTemporal } from './quiet-temporal.ts';
import { runCommand } from './run-command.ts';
import { openPlace, type TemporalPlace } from './temporal-place.ts';

const LEAVE_MS = 2_000;

export interface RunOptions extends StartCommandOptions {
  readonly file: string;
  readonly local?: boolean;
}

/** `holdfast run`: a server where none is configured, a worker in this process, and the job to its end. Resolves to the exit code. */
export async function runJob(output: Output, options: RunOptions): Promise<number> {
  const interruption = new Interruption(output);
  const chosen = await checkJob(await chooseJob(options.file, options.job), options);
  await checkIdentity(chosen, options.again === true);
  const log = standardLog(process.env, (line) => output.beside(line));
  quietTemporal(log);
  const place = await openPlace({ output, local: options.local, use: 'run' });
  try {
    await using client = new HoldfastClient({ address: place.address, namespace: place.namespace });
    output.tell(`holdfast: job ${chosen.id} · server ${place.title} · store ${client.storeUrl}`);
    const { address, namespace } = place;
    await client.reach();
    const worker = await createWorker({ jobs: [chosen.job], address, namespace, log });
    return await new Run({ output, options, chosen, client, worker, interruption, place }).toItsEnd();
  } finally {
    await place.release();
    interruption.forget();
  }
}

interface RunParts {
  readonly output: Output;
  readonly options: RunOptions;
  readonly chosen: ChosenRun;
  readonly client: HoldfastClient;
  readonly worker: HoldfastWorker;
  readonly interruption: Interruption;
  readonly place: TemporalPlace;
}

type Outcome =
  | { readonly kind: 'ended'; readonly nothingNew: boolean; readonly state: string }
  | { readonly kind: 'interrupted' };

class Run {
  readonly #parts: RunParts;
  readonly #progress: Progress;
  #followed: FollowedRun | null = null;

  constructor(parts: RunParts) {
    this.#parts = parts;
    this.#progress = new Progress(parts.output);
  }

  async toItsEnd(): Promise<number> {
    const { worker, output, interruption } = this.#parts;
    let working: Promise<void> = Promise.resolve();
    try {
      // Before the worker takes anything, so that what had landed before this run is told apart from what it lands.
      const handle = await this.#start();
      working = worker.run();
      const stopped = working.then(() => new Promise<never>(() => undefined));
      const interrupted = interruption.asked.then((): Outcome => ({ kind: 'interrupted' }));
      const outcome = await Promise.race([this.#follow(handle), interrupted, stopped]);
      this.#followed?.stop();
      this.#progress.stop();
      if (outcome.kind === 'interrupted')
        output.note('holdfast: stopping; items in flight get 10 s to finish (once more: leave at once)');
      worker.shutdown();
      // Once the job has ended nobody waits for what a terminated run still has in flight: its commits are refused.
      await (outcome.kind === 'ended' ? Promise.race([working, sleep(LEAVE_MS)]) : working);
      return await this.#report(handle, outcome);
    } catch (error) {
      this.#followed?.stop();
      this.#progress.stop();
      worker.shutdown();
      await working.catch(() => undefined);
      throw error;
    }
  }

  async #start(): Promise<JobHandle> {
    const { client, chosen, options, output } = this.#parts;
    const { again = false, refresh = false, limit } = options;
    const { id, params } = chosen;
    const { handle, attached, interrupted } = await client.startOrAttach(chosen.job, {
      id,
      params,
      again,
      refresh,
      ...(limit === undefined ? {} : { limit }),
    });
    const before = await handle.status().catch(() => null);
    const state = before?.summary.state;
    if (attached) {
      output.note(
        interrupted
          ? `holdfast: ${id} was interrupted with ${counted(before?.summary.items.applied ?? 0, 'item')} applied: going on with what is missing`
          : `holdfast: ${id} is open already: helping it with this process`,
      );
      if (again)
        output.note(
          'holdfast: --again opens the next generation only when the present one is complete: this goes on with the present one',
        );
      if (limit !== undefined && limit !== before?.limit)
        output.note('holdfast: --limit counts when a run begins: the open one keeps its own');
      if (refresh)
        output.note('holdfast: --refresh counts when a run begins: the open one goes on as it was asked for');
    } else if (again && (state === 'failed' || state === 'cancelled')) {
      output.note(
        `holdfast: ${id} is ${state}, not complete: --again continues it, and opens the next generation only after that`,
      );
    }
    return handle as JobHandle;
  }

  async #follow(handle: JobHandle): Promise<Outcome> {
    const { output, client, chosen, options } = this.#parts;
    const followed = new FollowedRun({ handle, output, progress: this.#progress });
    this.#followed = followed;
    try {
      for (;;) {
        const end = await followed.end();
        if (end.kind === 'ended') {
          const { nothingNewSince, state } = end.result;
          return { kind: 'ended', nothingNew: nothingNewSince !== null, state };
        }
        if (end.kind === 'terminated') {
          await handle.closeTerminated(end.runId);
          return { kind: 'ended', nothingNew: false, state: 'cancelled' };
        }
        // The server lost its database; the ledger did not, so a new run goes on where it stands.
        output.note(
          'holdfast: the server knows nothing of the run any more (its database was lost): starting it again from the ledger',
        );
        const { id, params } = chosen;
        const { limit, refresh = false } = options;
        await client.startOrAttach(chosen.job, { id, params, refresh, ...(limit === undefined ? {} : { limit }) });
        followed.forgetRun(client.job(id));
      }
    } finally {
      followed.stop();
    }
  }

  async #report(handle: JobHandle, outcome: Outcome): Promise<number> {
    const { output, chosen, options } = this.#parts;
    const status = await handle.status().catch(() => null);
    const state = status?.summary.state ?? 'running';
    const open = state === 'running' || state === 'paused';
    if (outcome.kind === 'interrupted' && open) {
      output.note(
        `holdfast: interrupted; the job stays open. Continue it: ${runCommand({ ...options, again: false, refresh: false })}`,
      );
      output.document((await handle.progress().catch(() => status?.summary)) ?? null);
      return 130;
    }
    const nothingNew = outcome.kind === 'ended' && outcome.nothingNew;
    const final = settled(status, outcome);
    if (final) {
      for (const line of describeEnd(final, {
        nothingNew,
        again: options.again === true,
        refresh: options.refresh === true,
      }))
        output.tell(line);
      if (final.summary.items.applied > 0 && chosen.sink.identity === 'none')
        output.tell(`  Results: holdfast results ${shellWord(chosen.id)}`);
      output.document(nothingNew ? nothingDone(final.summary) : final.summary);
    }
    return exitCodeOfState(final?.summary.state ?? 'failed');
  }
}

/** A run that has just begun again elsewhere must not hide how this one ended. */
function settled(status: JobStatus | null, outcome: Outcome): JobStatus | null {
  if (!status || outcome.kind !== 'ended') return status;
  const { state } = status.summary;
  if (state !== 'running' && state !== 'paused') return status;
  return { ...status, summary: { ...status.summary, state: outcome.state as JobStatus['summary']['state'] } };
}
