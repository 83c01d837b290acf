import type { Command } from 'commander';
import type { Perform } from '../commands.ts';
import { withJson } from '../options.ts';

/** `holdfast results ID` */
export function addResults(program: Command, perform: Perform): void {
  withJson(
    program
      .command('results')
      .argument('<id>', "the job's id")
      .description('results of a job without a sink: JSON Lines of key and result, in source order'),
  ).action((id: string, options: { readonly json?: boolean }) =>
    perform(options.json === true, async (output) => {
      const { printResults } = await import('../list-items.ts');
      return printResults(output, id);
    }),
  );
}
