// Draws docs/kill-and-rerun.svg from a real run: `node scripts/record-terminal.ts`. A shell on a terminal of its own (by `script`
// of util-linux) runs the example, the process is killed with SIGKILL in the middle, and the same command is given again.
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { drawTerminal } from './draw-terminal.ts';
import { TerminalScreen } from './terminal-screen.ts';

const columns = 122;
const root = fileURLToPath(new URL('..', import.meta.url));
// The name is in the picture.
const directory = join(tmpdir(), 'airports');
const pidFile = join(directory, 'bin/pid');
const command = 'holdfast run job.ts';

rmSync(directory, { recursive: true, force: true });
mkdirSync(join(directory, 'bin'), { recursive: true });
try {
  prepareDirectory();
  const screen = await record();
  writeFileSync(join(root, 'docs/kill-and-rerun.svg'), drawTerminal(screen));
  console.log(screen.join('\n'));
} finally {
  rmSync(directory, { recursive: true, force: true });
}

function prepareDirectory(): void {
  cpSync(join(root, 'examples/nearest-airport/job.ts'), join(directory, 'job.ts'));
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }\n');
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  // Says which process to kill: there may be others of that command line.
  const shim = `#!/bin/sh\necho $$ > ${pidFile}\nexec ${process.execPath} ${join(root, 'bin/holdfast.js')} "$@"\n`;
  writeFileSync(join(directory, 'bin/holdfast'), shim, { mode: 0o755 });
}

async function record(): Promise<readonly string[]> {
  const screen = new TerminalScreen(columns);
  const shell = spawn(
    'script',
    ['-qefc', `stty cols ${columns} rows 50; exec bash --noprofile --norc -i`, '/dev/null'],
    {
      cwd: directory,
      env: {
        PATH: `${join(directory, 'bin')}:${process.env.PATH}`,
        HOME: process.env.HOME,
        TERM: 'xterm-256color',
        LANG: 'C.UTF-8',
        PS1: '$ ',
        HISTFILE: '',
        BASH_SILENCE_DEPRECATION_WARNING: '1',
        HOLDFAST_HOME: join(directory, '.holdfast'),
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  shell.stdout.setEncoding('utf8').on('data', (text: string) => screen.write(text));
  const type = (line: string) => shell.stdin.write(`${line}\n`);
  const prompts = () => screen.lines.filter((line) => line === '$' || line.startsWith('$ ')).length;
  const last = () => screen.lines.at(-1) ?? '';
  await until(() => last() === '$');

  type(command);
  await until(() => percentShown(screen.lines) >= 45);
  process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGKILL');
  await until(() => prompts() === 2);

  type(command);
  await until(() => prompts() === 3 && last() === '$');
  type(command);
  await until(() => prompts() === 4 && last() === '$');
  shell.stdin.end('exit\n');
  await new Promise((resolve) => shell.once('close', resolve));
  return screen.lines.slice(
    0,
    screen.lines.findLastIndex((line) => line.startsWith('$')),
  );
}

function percentShown(lines: readonly string[]): number {
  return Number(/\((\d+)%\)/.exec(lines.join('\n'))?.[1] ?? 0);
}

async function until(done: () => boolean): Promise<void> {
  const deadline = Date.now() + 120_000;
  while (!done()) {
    if (Date.now() > deadline) throw new Error('what was to be recorded did not come within two minutes');
    await sleep(30);
  }
}
