import type { JobHandle, Summary } from '../client/index.ts';
import { withClient } from './open-client.ts';
import type { Output } from './output.ts';
import { noWorkerLine } from './status-text.ts';

export interface Control {
  readonly work: (handle: JobHandle) => Promise<Summary>;
  readonly text: (summary: Summary) => string;
}

/** What the commands that steer a job share: the change, what it means, and whether anybody is there to notice. */
export async function controlJob(output: Output, id: string, { work, text }: Control): Promise<number> {
  return withClient(async (client) => {
    const handle = client.job(id);
    const summary = await work(handle);
    output.line(`${id}: ${text(summary)}`);
    output.document(summary);
    const open = summary.state === 'running' || summary.state === 'paused';
    if (open && (await handle.workers()) === 0) output.note(`holdfast: ${noWorkerLine(summary)}`);
    return 0;
  });
}
