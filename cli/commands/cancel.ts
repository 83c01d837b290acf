import type { Command } from 'commander';
import type { Perform } from '../commands.ts';
import { counted } from '../format.ts';
import { withJson } from '../options.ts';

/** `holdfast cancel ID` */
export function addCancel(program: Command, perform: Perform): void {
  withJson(
    program.command('cancel').argument('<id>', "the job's id").description('end a job; what has landed stays'),
  ).action((id: string, options: { readonly json?: boolean }) =>
    perform(options.json === true, async (output) => {
      const { controlJob } = await import('../control-job.ts');
      return controlJob(output, id, {
        work: (handle) => handle.cancel(),
        text: ({ state, items }) =>
          state === 'cancelled'
            ? `cancelled: ${counted(items.applied, 'item')} applied, which stay; run it again to go on`
            : `it ended before the cancel took effect: ${state}`,
      });
    }),
  );
}
