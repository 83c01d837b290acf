import type { Command } from 'commander';
import type { Perform } from '../commands.ts';
import { takeCount, takeRate, withJson } from '../options.ts';

interface SetOptions {
  readonly concurrency?: number;
  readonly rate?: number | 'none';
  readonly json?: boolean;
}

/** `holdfast set ID` */
export function addSet(program: Command, perform: Perform): void {
  const command = withJson(
    program
      .command('set')
      .argument('<id>', "the job's id")
      .description('change how fast a job goes, while it runs')
      .option('--concurrency <n>', 'items in flight over all workers', takeCount)
      .option('--rate <n>', "calls a second over all workers, or 'none' for no limit", takeRate),
  ).action((id: string, options: SetOptions) => {
    const { concurrency } = options;
    const rate = options.rate === 'none' ? null : options.rate;
    if (concurrency === undefined && rate === undefined) {
      command.error('error: give --concurrency, --rate or both', { code: 'commander.missingMandatoryOptionValue' });
    }
    perform(options.json === true, async (output) => {
      const { controlJob } = await import('../control-job.ts');
      const change = { ...(concurrency === undefined ? {} : { concurrency }), ...(rate === undefined ? {} : { rate }) };
      return controlJob(output, id, {
        work: (handle) => handle.set(change),
        text: () =>
          Object.entries(change)
            .map(([name, value]) => `${name} is ${value ?? 'unlimited'} now`)
            .join(', '),
      });
    });
  });
}
