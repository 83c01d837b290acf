import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { serverFiles } from '../../server/home.ts';
import { findServerProcesses } from '../../server/process-table.ts';

const homes: { readonly root: string; readonly home: string }[] = [];
const starters: Starter[] = [];

/** A new home under the temporary directory; `cleanUp` ends its server and removes it. */
export function newHome(name = ''): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-server-')));
  const home = join(root, name);
  homes.push({ root, home });
  return home;
}

/** Leaves no process and no file behind, also after a test that failed half way. For `afterEach`. */
export async function cleanUp(): Promise<void> {
  for (const starter of starters.splice(0)) starter.child.kill('SIGKILL');
  for (const { root, home } of homes.splice(0)) {
    for (const { pid } of await findServerProcesses(serverFiles(home).database)) killQuietly(pid);
    await until(async () => (await serverPids(home)).length === 0);
    rmSync(root, { recursive: true, force: true });
  }
}

export async function serverPids(home: string): Promise<number[]> {
  return (await findServerProcesses(serverFiles(home).database)).map((server) => server.pid);
}

/** SIGKILL, and waits until the process table is rid of it. */
export async function killServer(home: string): Promise<void> {
  for (const pid of await serverPids(home)) process.kill(pid, 'SIGKILL');
  await until(async () => (await serverPids(home)).length === 0);
}

/** Waits for what must come; the limit is for a hang only. */
export async function until(done: () => boolean | Promise<boolean>, limitMs = 30_000): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await done())) {
    if (Date.now() > deadline) throw new Error(`waited ${limitMs} ms in vain`);
    await sleep(20);
  }
}

/** Another process that uses the server. */
export interface Starter {
  readonly child: ChildProcess;
  readonly pid: number;
  /** What it got from `ensureServer`, or the error's code. */
  readonly result: Promise<{ pid?: number; address?: string; started?: boolean; code?: string }>;
  /** Releases the server and ends; resolves to what `release` said. */
  release(): Promise<{ stopped: boolean }>;
}

/** Runs `ensureServer` in a process of its own. */
export function startStarter(home: string, use: 'run' | 'keep' = 'run'): Starter {
  const script = `
    import { ensureServer } from ${JSON.stringify(new URL('../../server/embedded.ts', import.meta.url).href)};
    const show = (value) => process.stdout.write(JSON.stringify(value) + '\\n');
    try {
      const server = await ensureServer(${JSON.stringify({ home, use })});
      show(server);
      await new Promise((resolve) => process.stdin.once('data', resolve));
      show(await server.release());
      process.exit(0);
    } catch (error) {
      show({ code: error.code, message: error.message });
      process.exit(1);
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '--no-warnings', '--eval', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  const lines = readLines(child);
  const starter: Starter = {
    child,
    pid: child.pid ?? 0,
    result: lines.next().then((line) => JSON.parse(line.value ?? '{}')),
    async release() {
      await starter.result;
      child.stdin?.write('release\n');
      return JSON.parse((await lines.next()).value ?? '{}');
    },
  };
  starters.push(starter);
  return starter;
}

async function* readLines(child: ChildProcess): AsyncGenerator<string, undefined> {
  let rest = '';
  for await (const text of child.stdout?.setEncoding('utf8') ?? []) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  return undefined;
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}
