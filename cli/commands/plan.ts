import type { Command } from 'commander';
import type { Perform } from '../commands.ts';
import { printJobHelp } from '../job-help.ts';
import { type StartCommandOptions, withJson, withStartOptions } from '../options.ts';

/** `holdfast plan FILE` */
export function addPlan(program: Command, perform: Perform): void {
  const command = withJson(
    withStartOptions(
      program
        .command('plan')
        .argument('[file]', 'the file that defines the job')
        .usage('[options] <file>')
        .summary('what run would do now and why: items, stored results, expected time; runs nothing')
        .description(
          "what run with the same options would do: items, stored results, misses and why, expected time. Reads the source; calls no task, no run and no sink, only the job's source, schema, key and input and the task's schema and memoize.key",
        )
        .helpOption(false),
    ),
  )
    .option('-h, --help', 'show this, with the params of the job in FILE')
    .action((file: string | undefined, options: StartCommandOptions) => {
      if (file === undefined && !options.help)
        command.error("error: missing required argument 'file'", { code: 'commander.missingArgument' });
      perform(options.json === true, async (output) => {
        if (options.help || file === undefined) return printJobHelp(output, command, { file, job: options.job });
        const { planJob } = await import('../plan-job.ts');
        return planJob(output, { ...options, file });
      });
    });
}
