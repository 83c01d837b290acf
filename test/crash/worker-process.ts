// A worker as users run it, for tests that kill it: `worker-process.ts` with its settings in CRASH_WORKER.
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { createWorker } from '../../worker/index.ts';
import { type CrashJob, makeCrashJob } from './jobs.ts';

export interface WorkerSettings {
  readonly job: CrashJob;
  readonly address: string;
  readonly home: string;
  readonly directory: string;
  /** The largest file that the system lets it write, in blocks of 512 bytes. */
  readonly fileBlocksMax?: number;
}

const settings = JSON.parse(process.env.CRASH_WORKER ?? '{}') as WorkerSettings;
const { job, address, home, directory } = settings;
process.chdir(directory);
Runtime.install({ logger: new DefaultLogger('WARN') });
const beat = job.heartbeatTimeout ? { heartbeatTimeout: job.heartbeatTimeout } : {};
const worker = await createWorker({ jobs: [makeCrashJob(job, directory)], address, home, directory, ...beat });
process.once('SIGTERM', () => worker.shutdown());
console.error('the worker is ready');
await worker.run();
process.exit(0);
