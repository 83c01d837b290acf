import { spawn } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from '@jest/globals';
import { entries } from '../../scripts/entries.mjs';
import { stopServer } from '../../server/embedded.ts';
import { type Matched, matchTranscript } from './transcript.ts';

const root = join(import.meta.dirname, '../..');
const limitMs = 150_000;

/**
 * Does what a reader does: copies an example, runs the commands of its README in one shell, and compares what they print with
 * `expected.txt`. Then `look` looks around, before everything is removed.
 */
export async function rehearse(
  example: string,
  look: (seen: Pick<Matched, 'numbers'> & { readonly directory: string }) => void,
): Promise<void> {
  await inCopyOf(example, async (directory) => {
    const expected = readFileSync(join(directory, 'expected.txt'), 'utf8');
    const { stdout, stderr } = await runInShell(commandsOf(join(directory, 'README.md')), { directory });
    const { text, numbers } = matchTranscript(stdout, expected);
    if (text !== expected) console.error([stderr, ...logsIn(directory)].join('\n'));
    expect(text).toBe(expected);
    look({ numbers, directory });
  });
}

/** In a fresh directory with an example's files and the package installed; both are removed, and the embedded server ended. */
export async function inCopyOf(example: string, use: (directory: string) => Promise<void>): Promise<void> {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), `${example}-`)));
  try {
    cpSync(join(root, 'examples', example), directory, { recursive: true });
    writeFileSync(join(directory, 'package.json'), '{ "type": "module" }\n');
    installSources(join(directory, 'node_modules'));
    await use(directory);
  } finally {
    await stopServer({ home: join(directory, '.holdfast') });
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

function logsIn(directory: string): readonly string[] {
  const names = readdirSync(directory).filter((name) => name.endsWith('.log'));
  return names.map((name) => `--- ${name}\n${readFileSync(join(directory, name), 'utf8')}`);
}

/** Rows of a database that an example wrote. */
export function readRows(file: string, sql: string): readonly Record<string, unknown>[] {
  using open = new DatabaseSync(file, { readOnly: true });
  return open
    .prepare(sql)
    .all()
    .map((row) => ({ ...row }));
}

/** A command a line, of all blocks without a language. */
function commandsOf(readme: string): readonly string[] {
  const blocks = [...readFileSync(readme, 'utf8').matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)];
  return blocks.filter(([, language]) => language === '').flatMap(([, , text = '']) => text.trimEnd().split('\n'));
}

/** `holdfast` as an installed package, whose files are the sources. */
function installSources(modules: string): void {
  const installed = join(modules, 'holdfast');
  mkdirSync(installed, { recursive: true });
  mkdirSync(join(modules, '.bin'));
  symlinkSync(join(root, 'bin/holdfast.js'), join(modules, '.bin/holdfast'));
  const own = Object.entries(entries).map(([name, source]) => [name.replace('holdfast', '.'), `./${source}`]);
  writeFileSync(
    join(installed, 'package.json'),
    JSON.stringify({ name: 'holdfast', type: 'module', exports: Object.fromEntries(own) }),
  );
  for (const top of new Set(Object.values(entries).map((source) => source.split('/')[0] ?? ''))) {
    symlinkSync(join(root, top), join(installed, top));
  }
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (!name.startsWith('.') && name !== 'holdfast')
      symlinkSync(join(root, 'node_modules', name), join(modules, name));
  }
}

export interface Shell {
  readonly directory: string;
  /** Further variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** Ends all that runs in it. */
  readonly signal?: AbortSignal;
}

/** stdout has `$` and the command before what each printed. */
export function runInShell(
  commands: readonly string[],
  { directory, env = {}, signal }: Shell,
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const script = commands.map((command) => `printf '%s\\n' ${quote(`$ ${command}`)}\n${command}\n`).join('');
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(TEMPORAL_|HOLDFAST_(?!TEST_RUN)|NODE_)/.test(name),
  );
  const child = spawn('bash', ['-c', script], {
    cwd: directory,
    env: {
      ...Object.fromEntries(inherited),
      PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter),
      NODE_DISABLE_COMPILE_CACHE: '1', // npx would leave one in the temp directory
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const texts = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (more: string) => {
      texts[stream] += more;
    });
  }
  const endGroup = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // All of it has ended.
    }
  };
  const timer = setTimeout(endGroup, limitMs);
  signal?.addEventListener('abort', endGroup, { once: true });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', endGroup);
    child.once('close', () => {
      clearTimeout(timer);
      resolve(texts);
    });
  });
}
