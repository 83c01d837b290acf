import type { Command } from 'commander';
import type { Perform } from '../commands.ts';
import { withJson } from '../options.ts';

/** `holdfast resume ID` */
export function addResume(program: Command, perform: Perform): void {
  withJson(program.command('resume').argument('<id>', "the job's id").description('go on with a paused job')).action(
    (id: string, options: { readonly json?: boolean }) =>
      perform(options.json === true, async (output) => {
        const { controlJob } = await import('../control-job.ts');
        return controlJob(output, id, {
          work: (handle) => handle.resume(),
          text: ({ state }) => (state === 'running' ? 'resumed' : `not paused any more; it has ended (${state})`),
        });
      }),
  );
}
