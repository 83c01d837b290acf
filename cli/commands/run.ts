import type { Command } from 'commander';
import type { Perform } from '../commands.ts';
import { printJobHelp } from '../job-help.ts';
import { type StartCommandOptions, withJson, withStartOptions } from '../options.ts';

/** `holdfast run FILE` */
export function addRun(program: Command, perform: Perform): void {
  const command = withJson(
    withStartOptions(
      program
        .command('run')
        .argument('[file]', 'the file that defines the job')
        .usage('[options] <file>')
        .description('run a job: start it, continue it, or help one that is running; ends when the job does')
        .helpOption(false),
    ),
  )
    .option('--local', 'use the embedded server, whatever Temporal is configured')
    .option('-h, --help', 'show this, with the params of the job in FILE')
    .action((file: string | undefined, options: StartCommandOptions & { readonly local?: boolean }) => {
      if (file === undefined && !options.help)
        command.error("error: missing required argument 'file'", { code: 'commander.missingArgument' });
      perform(options.json === true, async (output) => {
        if (options.help || file === undefined) return printJobHelp(output, command, { file, job: options.job });
        const { runJob } = await import('../run-job.ts');
        return runJob(output, { ...options, file });
      });
    });
}
