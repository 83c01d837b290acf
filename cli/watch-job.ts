import type { JobHandle, Summary } from '../client/index.ts';
import { describeEnd, exitCodeOfState } from './end-report.ts';
import { shellWord } from './format.ts';
import { Interruption } from './interruption.ts';
import { withClient } from './open-client.ts';
import type { Output } from './output.ts';
import { Progress } from './progress.ts';
import { noWorkerLine } from './status-text.ts';

const LOOK_MS = 500;
/** A worker that is being restarted is not worth a word. */
const NO_WORKER_MS = 3_000;

/** `holdfast watch`: live progress of a job that others run. Resolves to the exit code. */
export async function watchJob(output: Output, id: string): Promise<number> {
  const interruption = new Interruption(output);
  const progress = new Progress(output);
  try {
    return await withClient(async (client) => {
      const handle = client.job(id);
      let summary = await handle.progress();
      const words = new Words(output, handle);
      while (summary.state === 'running' || summary.state === 'paused' || (await handle.isOpening())) {
        progress.show(summary);
        await words.about(summary);
        if ((await Promise.race([interruption.asked.then(() => 'asked'), pause()])) === 'asked') {
          progress.stop();
          output.document(summary);
          return 130;
        }
        summary = await handle.progress();
      }
      progress.stop();
      for (const line of describeEnd(await handle.status(), { nothingNew: false, again: false, refresh: false }))
        output.line(line);
      output.document(summary);
      return exitCodeOfState(summary.state);
    });
  } finally {
    progress.stop();
    interruption.forget();
  }
}

/** What is said once when it becomes so. */
class Words {
  readonly #output: Output;
  readonly #handle: JobHandle;
  #state: string | null = null;
  #servedAt = 0;
  #saidNone = false;

  constructor(output: Output, handle: JobHandle) {
    this.#output = output;
    this.#handle = handle;
  }

  async about(summary: Summary): Promise<void> {
    if (summary.state !== this.#state && summary.state === 'paused') {
      this.#output.note(`holdfast: paused; it goes on with: holdfast resume ${shellWord(summary.jobId)}`);
    }
    this.#state = summary.state;
    const served = (await this.#handle.workers()) > 0;
    if (served) {
      this.#servedAt = Date.now();
      this.#saidNone = false;
    } else if (!this.#saidNone && Date.now() - this.#servedAt > NO_WORKER_MS) {
      this.#saidNone = true;
      this.#output.note(`holdfast: ${noWorkerLine(summary)}`);
    }
  }
}

function pause(): Promise<'on'> {
  return new Promise((resolve) => setTimeout(() => resolve('on'), LOOK_MS));
}
