// Writes the generated pages of docs/reference/: `node scripts/write-reference.ts`. The page of errors has a script of its own.
import { readFileSync, writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { addCommands } from '../cli/commands.ts';
import { DEFAULTS } from '../definitions/limits.ts';
import { generated } from './generated-note.ts';
import { memberTable } from './interface-table.ts';
import { optionPage } from './option-page.ts';

const root = new URL('../', import.meta.url);

/** Path → text of each generated page. */
export function referencePages(): Readonly<Record<string, string>> {
  return {
    'docs/reference/commands.md': commandPage(),
    'docs/reference/options.md': optionPage(),
    'docs/reference/client.md': clientPage(),
    'docs/reference/defaults.md': defaultPage(),
  };
}

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

function clientPage(): string {
  return `# Client and testing

${generated('the doc comments of the classes')}

What the classes of \`holdfast/client\` and \`holdfast/testing\` can do; their options are in [options.md](options.md), the fields of a
summary in [output.md](output.md). How they are used: [workers and clusters](../operating/workers.md), [testing](../testing.md).

## HoldfastClient

${memberTable('client/holdfast-client.ts', 'HoldfastClient')}

## JobHandle

What \`client.start(…)\` and \`client.job(id)\` return. What it tells comes from the ledger, with or without a worker.

${memberTable('client/job-handle.ts', 'JobHandle')}

## TestEnvironment

${memberTable('testing/test-environment.ts', 'TestEnvironment')}

## HoldfastWorker

What \`createWorker\` of \`holdfast/worker\` returns.

${memberTable('worker/create-worker.ts', 'HoldfastWorker')}
`;
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
