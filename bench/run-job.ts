import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import type { AnyJob } from 'holdfast';
import { HoldfastClient } from 'holdfast/client';
import { createWorker } from 'holdfast/worker';

const command = fileURLToPath(new URL('../bin/holdfast.js', import.meta.url));

/** Runs a job on an embedded server of its own, with its worker in this process, and gives the seconds from its start to its end. */
export async function runJob<J extends AnyJob>(job: J, home: string): Promise<number> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const server = (verb: string) =>
    execFileSync(process.execPath, [command, 'server', verb, '--json'], {
      env: { ...process.env, HOLDFAST_HOME: home },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  const { address } = JSON.parse(server('start')) as { readonly address: string };
  try {
    await using client = await HoldfastClient.connect({ address, home });
    const worker = await createWorker({ jobs: [job], address, home });
    const running = worker.run();
    const started = performance.now();
    const result = await (await client.start(job)).result();
    const seconds = (performance.now() - started) / 1000;
    if (result.state !== 'complete') throw new Error(`the job ended ${JSON.stringify(result)}`);
    worker.shutdown();
    await running;
    return seconds;
  } finally {
    server('stop');
  }
}
