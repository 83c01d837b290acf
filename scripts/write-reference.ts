// Writes the generated pages of docs/reference/: `node scripts/write-reference.ts`. The page of errors has a script of its own.
import { readFileSync, writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { addCommands } from '../cli/commands.ts';
import { DEFAULTS } from '../definitions/limits.ts';
import { interfaceTable, memberTable } from './interface-table.ts';

const root = new URL('../', import.meta.url);

/** Path → text of each generated page. */
export function referencePages(): Readonly<Record<string, string>> {
  return {
    'docs/reference/commands.md': commandPage(),
    'docs/reference/options.md': optionPage(),
    'docs/reference/defaults.md': defaultPage(),
  };
}

const generated = (from: string) => `<!-- Written by scripts/write-reference.ts from ${from}: do not edit. -->`;

function commandPage(): string {
  const program = new Command('holdfast');
  addCommands(program, () => undefined);
  const parts = leaves(program).map(({ path, command }) => commandSection(path, command));
  const intro = `# Commands

${generated("the commands' own definitions")}

Every command takes \`--json\`: one JSON document on stdout and nothing else there; logs, notes and progress go to stderr.
Every command takes \`--help\`; \`holdfast run FILE --help\` lists the params of the job in FILE, too. \`ID\` is the job's id, which
\`run\` says in its first line. Exit codes and the fields of the JSON are in [output.md](output.md).
`;
  return [intro, ...parts].join('\n');
}

interface Leaf {
  readonly path: string;
  readonly command: Command;
}

function leaves(command: Command, path = 'holdfast'): readonly Leaf[] {
  return command.commands.flatMap((inner) => {
    const innerPath = `${path} ${inner.name()}`;
    return inner.commands.length > 0 ? leaves(inner, innerPath) : [{ path: innerPath, command: inner }];
  });
}

function commandSection(path: string, command: Command): string {
  const { options } = command.createHelp().visibleOptions(command).length > 0 ? command : { options: [] };
  const visible = options.filter((option) => !option.hidden && !['--json', '--help'].includes(option.long ?? ''));
  const words = command.registeredArguments.map((argument) => {
    const name = `${argument.name().toUpperCase()}${argument.variadic ? '…' : ''}`;
    return ` ${name}`;
  });
  const rows = visible.map((option) => {
    const fallback = option.defaultValue === undefined ? '' : ` [default: ${String(option.defaultValue)}]`;
    return `| \`${option.flags}\` | ${sentence(`${option.description}${fallback}`)} |`;
  });
  const table = rows.length === 0 ? '' : `\n| option | what |\n|---|---|\n${rows.join('\n')}\n`;
  return `## ${path}${words.join('')}\n\n${sentence(command.description())}.\n${table}`;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`.replaceAll('|', '\\|');
}

function optionPage(): string {
  const section = (title: string, text: string, table: string) => `## ${title}\n\n${text}\n\n${table}\n`;
  return [
    `# Options

${generated('the doc comments of the definitions')}

What each definition takes, with its defaults. Durations are a number and a unit: \`'250ms'\`, \`'5s'\`, \`'10 min'\`, \`'1.5 h'\`,
\`'1 day'\`, \`'2 weeks'\`. An unknown option or a wrong value is refused when the definition is made (\`HF_DEFINITION_INVALID\`).
The numbers behind the defaults, and limits that are no options, are in [defaults.md](defaults.md).
`,
    section(
      'defineJob(options)',
      'And exactly one kind of work, below.',
      interfaceTable('definitions/job.ts', 'JobOptions'),
    ),
    section(
      'The work of a job',
      'Exactly one of `task`, `run` and `runBatch`.',
      interfaceTable('definitions/job.ts', 'Work').replaceAll('| required |', '| |'),
    ),
    section(
      'A param',
      "`params: { file: 'string', top: 'number?', region: { type: 'string', default: 'EU', about: 'which orders' } }`: a kind (`'string'`, `'number'`, `'boolean'`, with `?` when optional), or an object. Or one Standard Schema for all of them.",
      interfaceTable('definitions/params.ts', 'ParamDetails'),
    ),
    section(
      'retry',
      'Of a task, or of a job with `run` or `runBatch`.',
      interfaceTable('definitions/retry.ts', 'Retry'),
    ),
    section(
      'defineTask(options)',
      'A named, versioned, retried function.',
      interfaceTable('definitions/task.ts', 'TaskOptions'),
    ),
    section(
      'ctx',
      'What `run` and a task are given besides their input.',
      memberTable('definitions/context.ts', 'TaskContext'),
    ),
    section(
      'ctx of runBatch',
      'It also has `signal`, `jobId`, `params` and `log`.',
      memberTable('definitions/context.ts', 'BatchContext'),
    ),
    section(
      'csv(path, options)',
      'A path, a `file:` URL, a glob, or an array of them.',
      interfaceTable('sources/csv.ts', 'CsvOptions'),
    ),
    '## jsonl(path)\n\nA path, a `file:` URL, a glob, or an array of them. One JSON value a line, UTF-8. No options.\n',
    '## items(all)\n\nAn array, an iterable, an async iterable, or a function that returns one. The order must be the same each time. No options.\n',
    section('sqlTable(options)', 'For `.to(…)`.', interfaceTable('sinks/sql-table.ts', 'SqlTableOptions')),
    section(
      'sqlTransaction(url, write, options)',
      '`write(tx, outcomes)` gets `{ item, key, result }[]` and a transaction with `run(sql, params)` and `all(sql, params)`.',
      interfaceTable('sinks/sql-transaction.ts', 'SqlTransactionOptions'),
    ),
    section('createWorker(options)', 'From `holdfast/worker`.', workerTable()),
    section('new HoldfastClient(options)', 'From `holdfast/client`.', clientTable()),
    section(
      'client.start(job, options)',
      'Also with the name of a job in place of the job.',
      interfaceTable('client/holdfast-client.ts', 'StartOptions'),
    ),
  ].join('\n');
}

const temporalOptions = () => interfaceTable('client/connection.ts', 'TemporalOptions').split('\n').slice(2);

function workerTable(): string {
  return [interfaceTable('worker/create-worker.ts', 'WorkerOptions'), ...temporalOptions()].join('\n');
}

function clientTable(): string {
  const namespace = temporalOptions().filter((row) => row.startsWith('| `namespace`'));
  return [interfaceTable('client/holdfast-client.ts', 'ClientOptions'), ...namespace].join('\n');
}

function defaultPage(): string {
  const text = readFileSync(new URL('definitions/limits.ts', root), 'utf8');
  const comments = new Map(
    [...text.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*\n\s*(\w+):/g)].map((match) => [
      match[2],
      (match[1] ?? '')
        .replace(/^\s*\* ?/gm, ' ')
        .replace(/\s+/g, ' ')
        .trim(),
    ]),
  );
  const rows = Object.entries(DEFAULTS).map(([name, value]) => {
    const shown = typeof value === 'number' ? value.toLocaleString('en-US') : String(value);
    return `| \`${name}\` | ${shown} | ${comments.get(name) ?? ''} |`;
  });
  return `# Defaults and limits

${generated('definitions/limits.ts')}

Every number that Holdfast decides by, under the name that errors use. Those that a job, a task or a worker can set are in
[options.md](options.md); the others are fixed. In a program: \`import { DEFAULTS } from 'holdfast'\`.

| name | value | what |
|---|---|---|
${rows.join('\n')}
`;
}

if (import.meta.main) {
  for (const [path, text] of Object.entries(referencePages())) writeFileSync(new URL(path, root), text);
}
