import type { Command } from 'commander';
import type { Perform } from '../commands.ts';
import { printJobHelp } from '../job-help.ts';
import { type StartCommandOptions, withJson, withStartOptions } from '../options.ts';

/** `holdfast start FILE` */
export function addStart(program: Command, perform: Perform): void {
  const command = withJson(
    withStartOptions(
      program
        .command('start')
        .argument('[file]', 'the file that defines the job')
        .usage('[options] <file>')
        .description('start or continue a job, print its id, and leave; workers do the rest')
        .helpOption(false),
    ),
  )
    .option('-h, --help', 'show this, with the params of the job in FILE')
    .action((file: string | undefined, options: StartCommandOptions) => {
      if (file === undefined && !options.help) {
        command.error("error: missing required argument 'file'", { code: 'commander.missingArgument' });
      }
      perform(options.json === true, async (output) => {
        if (options.help || file === undefined) return printJobHelp(output, command, { file, job: options.job });
        const { startJob } = await import('../start-job.ts');
        return startJob(output, { ...options, file });
      });
    });
}
