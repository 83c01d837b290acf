import type { Command } from 'commander';
import { parseDuration } from '../../definitions/duration.ts';
import type { InvalidateOptions } from '../change-memo.ts';
import type { Perform } from '../commands.ts';
import { takeCount, withJson } from '../options.ts';

type Json = { readonly json?: boolean };

/** `holdfast memo stats | ls | show | explain | invalidate | gc` */
export function addMemo(program: Command, perform: Perform): void {
  const memo = program
    .command('memo')
    .description('stored results of memoized tasks; all of it works with no worker running')
    .showHelpAfterError('(--help tells more)');
  addLooking(memo, perform);
  addExplain(memo, perform);
  addInvalidate(memo, perform);
  withJson(
    memo.command('gc').description('remove expired and invalidated entries, and result files that belong to none'),
  ).action((options: Json) =>
    perform(options.json === true, async (output) => {
      const { collect } = await import('../change-memo.ts');
      return collect(output);
    }),
  );
}

function addLooking(memo: Command, perform: Perform): void {
  withJson(memo.command('stats').description('what is stored, by task and version, and what it saves')).action(
    (options: Json) =>
      perform(options.json === true, async (output) => {
        const { printStats } = await import('../list-memo.ts');
        return printStats(output);
      }),
  );
  withJson(
    memo
      .command('ls')
      .description('stored results, newest first')
      .option('--task <name>', 'only those of this task')
      .option('--version <version>', 'only those of this version of the task')
      .option('--limit <n>', 'so many at most', takeCount, 50),
  ).action((options: { readonly task?: string; readonly version?: string; readonly limit: number } & Json) =>
    perform(options.json === true, async (output) => {
      const { printEntries } = await import('../list-memo.ts');
      return printEntries(output, options);
    }),
  );
  withJson(
    memo
      .command('show')
      .argument('<key>', 'the key, or its first 8 digits or more')
      .description('one stored result: its key in parts, when and by whom it was made, its end, and the result'),
  ).action((key: string, options: Json) =>
    perform(options.json === true, async (output) => {
      const { showEntry } = await import('../list-memo.ts');
      return showEntry(output, key);
    }),
  );
}

function addExplain(memo: Command, perform: Perform): void {
  withJson(
    memo
      .command('explain')
      .argument('<file>', 'the file that exports the task, or a job that runs it')
      .description('whether a call with an input would take a stored result, and if not, why; computes nothing')
      .option('--task <name>', 'which task, where the file has several')
      .requiredOption('--input <json>', 'what the task is called with: JSON, @FILE, or - for stdin'),
  ).action((file: string, options: { readonly task?: string; readonly input: string } & Json) =>
    perform(options.json === true, async (output) => {
      const { explain } = await import('../explain-memo.ts');
      return explain(output, { ...options, file });
    }),
  );
}

type InvalidateFlags = Pick<InvalidateOptions, 'task' | 'version' | 'key'> &
  Json & { readonly olderThan?: string; readonly all?: boolean };

function addInvalidate(memo: Command, perform: Perform): void {
  const command = withJson(
    memo
      .command('invalidate')
      .description('take stored results no more: of all that is given, those that fit everything')
      .option('--task <name>', 'those of this task')
      .option('--version <version>', 'those of this version of the task')
      .option('--key <key>', 'the one with this key, or with these first 8 digits or more')
      .option('--older-than <duration>', "those made so long ago, such as '2 h' or '30 days'")
      .option('--all', 'all of them, of every task'),
  ).action((options: InvalidateFlags) => {
    const { task, version, key, olderThan, all = false } = options;
    const narrowed = [task, version, key, olderThan].some((given) => given !== undefined);
    if (!narrowed && !all)
      command.error('error: give --task, --version, --key or --older-than, or --all for everything', {
        code: 'commander.missingMandatoryOptionValue',
      });
    if (narrowed && all)
      command.error('error: --all is everything: leave it out, or the others', {
        code: 'commander.conflictingOption',
      });
    perform(options.json === true, async (output) => {
      const { invalidate } = await import('../change-memo.ts');
      const olderThanMs = olderThan === undefined ? undefined : parseDuration(olderThan, '--older-than');
      return invalidate(output, { task, version, key, olderThanMs });
    });
  });
}
