import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { WorkerSettings } from './worker-process.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Waits for what must come; the limit is for a hang only. */
export async function until(what: string, done: () => unknown, limitMs = 30_000): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await done())) {
    if (Date.now() > deadline) throw new Error(`waited ${limitMs} ms in vain: ${what}`);
    await sleep(20);
  }
}

/** A worker process of a test. */
export class CrashWorker {
  readonly child: ChildProcess;
  readonly spawnedAt = Date.now();
  readonly exited: Promise<NodeJS.Signals | number | null>;
  text = '';

  constructor(settings: WorkerSettings, env: NodeJS.ProcessEnv) {
    const args = [
      '--no-warnings',
      '--import',
      join(ROOT, 'scripts/source-loader.mjs'),
      join(ROOT, 'test/crash/worker-process.ts'),
    ];
    // As on a full disk, for all files of this process.
    const { fileBlocksMax } = settings;
    const [program, ...more] = fileBlocksMax
      ? ['sh', '-c', `ulimit -f ${fileBlocksMax}; exec "$0" "$@"`, process.execPath]
      : [process.execPath];
    const child = spawn(program as string, [...more, ...args], {
      cwd: ROOT,
      env: { ...process.env, ...env, CRASH_WORKER: JSON.stringify(settings) },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.text += text;
    });
    this.child = child;
    this.exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));
  }

  get pid(): number {
    return this.child.pid as number;
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  get isReady(): boolean {
    return this.text.includes('the worker is ready');
  }

  /** Waits until it has killed itself. */
  async died(limitMs = 30_000): Promise<void> {
    await until(`process ${this.pid} kills itself`, () => !this.isRunning, limitMs).catch((error: Error) => {
      throw new Error(`${error.message}; it wrote:\n${this.text.slice(-4_000)}`);
    });
    if (this.child.signalCode !== 'SIGKILL')
      throw new Error(`process ${this.pid} ended by itself; it wrote:\n${this.text.slice(-4_000)}`);
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.child.kill(signal);
    await this.exited;
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
