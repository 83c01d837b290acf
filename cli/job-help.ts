import type { Command } from 'commander';
import { type AnyJob, jobSpecOf } from '../definitions/job.ts';
import { describeParams } from '../definitions/params.ts';
import { loadJobs } from './choose-job.ts';
import type { Output } from './output.ts';

/** Prints a command's help, with the params of the jobs in a file where one is named. */
export async function printJobHelp(
  output: Output,
  command: Command,
  { file, job }: { readonly file: string | undefined; readonly job: string | undefined },
): Promise<number> {
  const jobs =
    file === undefined ? [] : (await loadJobs(file)).filter((each) => job === undefined || each.name === job);
  output.line(`${command.helpInformation()}${jobs.map((each) => `\n${describeJob(each)}`).join('')}`.trimEnd());
  output.document({
    usage: command.usage(),
    jobs: jobs.map((each) => ({ job: each.name, params: describeParams(jobSpecOf(each).params) })),
  });
  return 0;
}

function describeJob(job: AnyJob): string {
  const params = describeParams(jobSpecOf(job).params);
  if (params.length === 0) return `Job ${job.name} takes no params.\n`;
  const heads = params.map((param) => `--param ${param.name}=<${param.kind === 'any' ? 'value' : param.kind}>`);
  const width = Math.max(...heads.map((head) => head.length));
  const lines = params.map((param, index) => {
    const more =
      param.default !== undefined
        ? `[default: ${JSON.stringify(param.default)}]`
        : param.required
          ? '[required]'
          : '[optional]';
    return `  ${String(heads[index]).padEnd(width)}  ${[param.about, more].filter(Boolean).join(' ')}`;
  });
  return `Params of job ${job.name}:\n${lines.join('\n')}\n`;
}
