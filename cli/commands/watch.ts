import type { Command } from 'commander';
import type { Perform } from '../commands.ts';
import { withJson } from '../options.ts';

/** `holdfast watch ID` */
export function addWatch(program: Command, perform: Perform): void {
  withJson(
    program
      .command('watch')
      .argument('<id>', "the job's id")
      .description('live progress until the job ends; exits as the job does'),
  ).action((id: string, options: { readonly json?: boolean }) =>
    perform(options.json === true, async (output) => {
      const { watchJob } = await import('../watch-job.ts');
      return watchJob(output, id);
    }),
  );
}
