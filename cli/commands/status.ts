import type { Command } from 'commander';
import type { Perform } from '../commands.ts';
import { withJson } from '../options.ts';

/** `holdfast status ID` */
export function addStatus(program: Command, perform: Perform): void {
  withJson(
    program
      .command('status')
      .argument('<id>', "the job's id")
      .description('counts, speed, time left; answers with no worker running, too'),
  ).action((id: string, options: { readonly json?: boolean }) =>
    perform(options.json === true, async (output) => {
      const { withClient } = await import('../open-client.ts');
      const { describeStatus, noWorkerLine } = await import('../status-text.ts');
      return withClient(async (client) => {
        const handle = client.job(id);
        const summary = await handle.progress();
        const workers = await handle.workers();
        const status = await handle.status().catch(() => null);
        output.document(summary);
        for (const line of describeStatus(summary, status, workers)) output.line(line);
        if (output.json && workers === 0 && ['running', 'paused'].includes(summary.state))
          output.note(`holdfast: ${noWorkerLine(summary)}`);
        return 0;
      });
    }),
  );
}
