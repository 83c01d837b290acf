import { createWorker } from '../worker/index.ts';
import { standardLog } from '../worker/log.ts';
import { Interruption } from './interruption.ts';
import { loadDefinitions } from './load-definitions.ts';
import type { Output } from './output.ts';
import { quietTemporal } from './quiet-temporal.ts';

export interface WorkOptions {
  readonly files: readonly string[];
  readonly address: string;
  readonly namespace: string;
}

/** One process of `holdfast worker`: works until it is told to leave, or its supervisor is gone. */
export async function workUnderSupervisor(output: Output, { files, address, namespace }: WorkOptions): Promise<number> {
  const interruption = new Interruption(output);
  const orphaned = new Promise<void>((resolve) => process.once('disconnect', resolve));
  const log = standardLog(process.env);
  quietTemporal(log);
  const { jobs, tasks } = await loadDefinitions(files);
  const worker = await createWorker({ jobs, tasks, address, namespace, log });
  const leave = () => worker.shutdown();
  void interruption.asked.then(leave);
  void orphaned.then(leave);
  process.send?.('ready');
  await worker.run();
  return 130;
}
