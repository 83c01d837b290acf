import type { Command } from 'commander';
import type { Perform } from '../commands.ts';
import { shellWord } from '../format.ts';
import { withJson } from '../options.ts';

/** `holdfast pause ID` */
export function addPause(program: Command, perform: Perform): void {
  withJson(
    program
      .command('pause')
      .argument('<id>', "the job's id")
      .description('begin no new items; it stays paused over restarts'),
  ).action((id: string, options: { readonly json?: boolean }) =>
    perform(options.json === true, async (output) => {
      const { controlJob } = await import('../control-job.ts');
      return controlJob(output, id, {
        work: (handle) => handle.pause(),
        text: () => `paused: items in flight end, no new ones begin; go on with: holdfast resume ${shellWord(id)}`,
      });
    }),
  );
}
