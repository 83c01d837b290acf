import type { Command } from 'commander';
import type { Perform } from '../commands.ts';
import { count, percent } from '../format.ts';
import { withJson } from '../options.ts';
import { alignRows } from '../table.ts';

/** `holdfast list` */
export function addList(program: Command, perform: Perform): void {
  withJson(program.command('list').description('every job that the store knows, newest first')).action(
    (options: { readonly json?: boolean }) =>
      perform(options.json === true, async (output) => {
        const { withClient } = await import('../open-client.ts');
        return withClient(async (client) => {
          const { jobs, unreadable } = await client.list();
          output.document(jobs);
          const rows = jobs.map(({ jobId, job, generation, state, items }) => {
            const decided = items.applied + items.quarantined + items.unknown;
            const share =
              items.total === null
                ? `${count(items.read)} read`
                : `${percent(decided, items.total)} of ${count(items.total)}`;
            return [
              jobId,
              job,
              String(generation),
              state,
              count(items.applied),
              share,
              count(items.quarantined + items.unknown),
            ];
          });
          const head = ['ID', 'JOB', 'GENERATION', 'STATE', 'APPLIED', 'DONE', 'FAILURES'];
          if (!output.json)
            for (const line of rows.length === 0 ? [`no jobs yet in ${client.storeUrl}`] : alignRows([head, ...rows]))
              output.line(line);
          for (const { jobId, error } of unreadable) output.note(`holdfast: ${jobId} cannot be read: ${error.message}`);
          return 0;
        });
      }),
  );
}
