import type { Command } from 'commander';
import type { Perform } from '../commands.ts';
import { counted } from '../format.ts';
import { takeKey, withJson } from '../options.ts';

interface RedriveOptions {
  readonly key?: readonly string[];
  readonly json?: boolean;
}

/** `holdfast redrive ID` */
export function addRedrive(program: Command, perform: Perform): void {
  withJson(
    program
      .command('redrive')
      .argument('<id>', "the job's id")
      .description('send quarantined items through again, with fresh tries')
      .option('--key <key>', 'only the item with this key; may be repeated [default: all]', takeKey),
  ).action((id: string, options: RedriveOptions) =>
    perform(options.json === true, async (output) => {
      const { withClient } = await import('../open-client.ts');
      const { noWorkerLine } = await import('../status-text.ts');
      return withClient(async (client) => {
        const handle = client.job(id);
        const { items, how } = await handle.redrive({ keys: options.key ?? null });
        output.document({ jobId: id, items, how });
        if (items === 0) {
          output.line(`${id}: nothing to send through again${options.key ? ' with these keys' : ''}`);
          return 0;
        }
        const next =
          how === 'waiting'
            ? 'holdfast run FILE takes them'
            : how === 'started'
              ? 'the job goes on'
              : 'the running job takes them';
        output.line(`${id}: ${counted(items, 'item')} sent through again; ${next}`);
        if (how !== 'waiting' && (await handle.workers()) === 0)
          output.note(`holdfast: ${noWorkerLine(await handle.progress())}`);
        return 0;
      });
    }),
  );
}
