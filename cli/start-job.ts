import { HoldfastClient } from '../client/index.ts';
import { checkIdentity } from './check-identity.ts';
import { checkJob } from './check-job.ts';
import { chooseJob } from './choose-job.ts';
import { shellWord } from './format.ts';
import type { StartCommandOptions } from './options.ts';
import type { Output } from './output.ts';
import { openPlace } from './temporal-place.ts';

/** `holdfast start`: starts or continues a job and leaves it to the workers. */
export async function startJob(
  output: Output,
  options: StartCommandOptions & { readonly file: string },
): Promise<number> {
  const chosen = await checkJob(await chooseJob(options.file, options.job), options);
  const { again = false, refresh = false, limit } = options;
  await checkIdentity(chosen, again);
  const place = await openPlace({ output, use: 'keep' });
  await using client = new HoldfastClient({ address: place.address, namespace: place.namespace });
  const { id, params, job } = chosen;
  const { handle, attached } = await client.startOrAttach(job, {
    id,
    params,
    again,
    refresh,
    ...(limit === undefined ? {} : { limit }),
  });
  output.line(id);
  output.document({ jobId: id, job: job.name, attached });
  output.note(`holdfast: ${attached ? 'open already' : 'started'} on ${place.title}`);
  if ((await handle.workers()) === 0) {
    output.note(`holdfast: no worker runs for it: holdfast worker ${shellWord(options.file)} starts one`);
  }
  return 0;
}
