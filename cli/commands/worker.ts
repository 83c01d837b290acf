import { type Command, Option } from 'commander';
import type { Perform } from '../commands.ts';
import { takeCount, withJson } from '../options.ts';

interface WorkerCommandOptions {
  readonly processes: number;
  readonly json?: boolean;
  readonly supervised?: boolean;
  readonly address?: string;
  readonly namespace?: string;
}

/** `holdfast worker FILE…` */
export function addWorker(program: Command, perform: Perform): void {
  withJson(
    program
      .command('worker')
      .argument('<files...>', 'the files that define jobs and tasks')
      .description('work for jobs and tasks that are started elsewhere; a process that crashes is started again')
      .addOption(new Option('--processes <n>', 'how many processes').argParser(takeCount).default(1)),
  )
    // How the supervisor starts its processes.
    .addOption(new Option('--supervised').hideHelp())
    .addOption(new Option('--address <address>').hideHelp())
    .addOption(new Option('--namespace <namespace>').hideHelp())
    .action((files: readonly string[], options: WorkerCommandOptions) =>
      perform(options.json === true, async (output) => {
        const { address, namespace, processes } = options;
        if (options.supervised && address !== undefined && namespace !== undefined) {
          const { workUnderSupervisor } = await import('../worker-process.ts');
          return workUnderSupervisor(output, { files, address, namespace });
        }
        const { superviseWorkers } = await import('../supervisor.ts');
        return superviseWorkers(output, { files, processes });
      }),
    );
}
