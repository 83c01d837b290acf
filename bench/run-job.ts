import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { createWorker } from 'holdfast/worker';
import { type AnyJob, jobSpecOf } from '../definitions/job.ts';
import { canonicalText, jobIdOf } from '../definitions/job-id.ts';
import { ensureServer } from '../server/embedded.ts';
import { JOB_WORKFLOW, taskQueueOf } from '../workflows/messages.ts';

/** Runs a job on an embedded server of its own and gives the seconds from its start to its end. */
export async function runJob(job: AnyJob, home: string): Promise<number> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const server = await ensureServer({ use: 'run', home });
  const worker = await createWorker({ jobs: [job], address: server.address, home });
  const running = worker.run();
  const client = new Client({ connection: await Connection.connect({ address: server.address }) });
  const spec = jobSpecOf(job);
  const jobId = jobIdOf(spec, {});
  const started = performance.now();
  const result = await client.workflow.execute(JOB_WORKFLOW, {
    workflowId: jobId,
    taskQueue: taskQueueOf(spec.name),
    workflowTaskTimeout: '2s',
    args: [{ jobId, name: spec.name, params: canonicalText({}), again: false, limit: null }],
  });
  const seconds = (performance.now() - started) / 1000;
  if (result.state !== 'complete') throw new Error(`the job ended ${JSON.stringify(result)}`);
  worker.shutdown();
  await running;
  await server.release();
  return seconds;
}
