import type { Command } from 'commander';
import type { Perform } from '../commands.ts';
import { withJson } from '../options.ts';

/** `holdfast failures ID` */
export function addFailures(program: Command, perform: Perform): void {
  withJson(
    program
      .command('failures')
      .argument('<id>', "the job's id")
      .description('quarantined items with their errors')
      .option('--out <file>', 'write them to a file as JSON Lines, with their input'),
  ).action((id: string, options: { readonly out?: string; readonly json?: boolean }) =>
    perform(options.json === true, async (output) => {
      const { listFailures } = await import('../list-items.ts');
      return listFailures(output, id, options.out);
    }),
  );
}
