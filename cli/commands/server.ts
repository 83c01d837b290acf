import type { Command } from 'commander';
import type { Perform } from '../commands.ts';
import { counted } from '../format.ts';
import { takePort, withJson } from '../options.ts';
import type { Output } from '../output.ts';

interface StartOptions {
  readonly port?: number;
  readonly uiPort?: number;
  readonly json?: boolean;
}

/** `holdfast server start | stop | status` */
export function addServer(program: Command, perform: Perform): void {
  const server = program
    .command('server')
    .description('the embedded development server')
    .showHelpAfterError('(--help tells more)');
  withJson(
    server
      .command('start')
      .description('start it, to stay until holdfast server stop')
      .option('--port <n>', 'the port it must have [default: the one it had before]', takePort)
      .option('--ui-port <n>', 'the port of its web page', takePort),
  ).action(({ port, uiPort, json }: StartOptions) =>
    perform(json === true, async (output) => {
      const { startServer } = await import('../../server/embedded.ts');
      const ports = { ...(port === undefined ? {} : { port }), ...(uiPort === undefined ? {} : { uiPort }) };
      await startServer({ ...ports, say: (line) => output.note(line) });
      return showStatus(output);
    }),
  );
  withJson(server.command('stop').description('end it; what it holds is in its file')).action(
    (options: { readonly json?: boolean }) =>
      perform(options.json === true, async (output) => {
        const { stopServer } = await import('../../server/embedded.ts');
        const { stopped, pid, users } = await stopServer();
        output.document({ stopped, pid, users });
        output.line(stopped ? `stopped (process ${pid})` : 'it was not running');
        if (users.length > 0) {
          output.note(
            `holdfast: ${counted(users.length, 'process')} used it (${users.join(', ')}), waiting now until it is started again`,
          );
        }
        return 0;
      }),
  );
  withJson(server.command('status').description('whether and where it runs')).action(
    (options: { readonly json?: boolean }) => perform(options.json === true, showStatus),
  );
}

async function showStatus(output: Output): Promise<number> {
  const { serverStatus } = await import('../../server/embedded.ts');
  const { running, address, pid, ui, file, answering } = await serverStatus();
  output.document({ running, address, pid, ui, file });
  if (!running) output.line(`not running; its file is ${file}`);
  else {
    output.line(`running at ${address} (process ${pid})${answering ? '' : ', but it does not answer'}`);
    if (ui !== null) output.line(`  web page ${ui}`);
    output.line(`  file     ${file}`);
  }
  return 0;
}
