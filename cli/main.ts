import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { type Action, addCommands } from './commands.ts';
import { exitCodeOf, formatError } from './format-error.ts';
import { Output } from './output.ts';

await main(process.argv);

async function main(argv: readonly string[]): Promise<void> {
  // A reader that has seen enough (`| head`) is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  process.on('unhandledRejection', (error) => {
    // Nothing says whose promise it was: most often one that the job's function began and did not await.
    const { text } = formatError(error);
    process.stderr.write(
      `${text}\nholdfast: a promise was rejected and nobody awaited it (look in the job's file); HOLDFAST_LOG=debug shows where\n`,
    );
    process.exit(1);
  });
  let work: Promise<number> = Promise.resolve(0);
  const program = new Command('holdfast')
    .description('Durable, resumable jobs on Temporal: kill it anywhere, run it again, every effect lands once.')
    .version(version(), '--version', 'print the version')
    .helpCommand(true)
    // `--version` behind a command is that command's own.
    .enablePositionalOptions()
    .showHelpAfterError('(--help tells more)')
    // Commander's own errors begin as all others do.
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'holdfast: ')) })
    .exitOverride();
  addCommands(program, (json, action) => {
    work = perform(new Output({ json }), action);
  });
  try {
    await program.parseAsync([...argv]);
    process.exit(await work);
  } catch (error) {
    process.exit(usageExitCode(error));
  }
}

async function perform(output: Output, action: Action): Promise<number> {
  try {
    const code = await action(output);
    await output.flush();
    return code;
  } catch (error) {
    output.error(error);
    await output.flush();
    return exitCodeOf(error);
  }
}

/** Commander has said what is wrong; help and version are not wrong. */
function usageExitCode(error: unknown): number {
  if (error instanceof CommanderError) {
    const asked = ['commander.helpDisplayed', 'commander.version'].includes(error.code) || process.argv[2] === 'help';
    if (asked) return 0;
    if (process.argv.includes('--json')) {
      const message = error.message.replace(/^error: /, '');
      process.stdout.write(`${JSON.stringify({ error: { code: 'HF_OPTION_INVALID', message } })}\n`);
    }
    return 2;
  }
  process.stderr.write(`${formatError(error).text}\n`);
  return 1;
}

function version(): string {
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
      if (name === 'holdfast') return String(version);
    } catch {
      // From source it is one directory above, compiled two.
    }
  }
  return 'unknown';
}
