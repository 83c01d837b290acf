import { type ChildProcess, spawn } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { canonicalText } from '../../definitions/job-id.ts';
import { type EmbeddedServer, ensureServer, stopServer } from '../../server/embedded.ts';
import { JOB_WORKFLOW, type JobInput, type JobResult, taskQueueOf, WAKE } from '../../workflows/messages.ts';
import { CALLS, type CrashItem, type CrashJob, DATABASE, SOURCE } from './jobs.ts';
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

/** The server that the tests of a file share; each test has a site of its own on it. */
export class CrashServer {
  readonly home: string;
  server: EmbeddedServer;
  client: Client;
  #sites: CrashSite[] = [];
  #names = 0;

  private constructor(home: string, server: EmbeddedServer, client: Client) {
    this.home = home;
    this.server = server;
    this.client = client;
  }

  static async start(): Promise<CrashServer> {
    const home = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-crash-')));
    const server = await ensureServer({ home, use: 'keep', say: () => undefined });
    return new CrashServer(home, server, await connect(server.address));
  }

  get address(): string {
    return this.server.address;
  }

  /** A directory, a home and a job name for one test. */
  site(job: Partial<CrashJob> = {}, items: readonly CrashItem[] = numbered(700)): CrashSite {
    const site = new CrashSite(this, { name: `crash-${++this.#names}`, callMs: 2, concurrency: 20, ...job }, items);
    this.#sites.push(site);
    return site;
  }

  async kill(): Promise<void> {
    process.kill(this.server.pid, 'SIGKILL');
    await until('the server is gone', () => !isAlive(this.server.pid));
  }

  /** Starts it again, on its file and its port. */
  async restart(): Promise<void> {
    const { address } = this.server;
    this.server = await ensureServer({ home: this.home, use: 'keep', say: () => undefined });
    if (this.server.address !== address) throw new Error(`the server moved from ${address} to ${this.server.address}`);
  }

  /** Ends what a test has left running. For `afterEach`. */
  async endSites(): Promise<void> {
    for (const site of this.#sites.splice(0)) await site.end();
  }

  async end(): Promise<void> {
    await this.endSites();
    await this.client.connection.close();
    await stopServer({ home: this.home });
    rmSync(this.home, { recursive: true, force: true });
  }
}

async function connect(address: string): Promise<Client> {
  return new Client({ connection: await Connection.connect({ address }) });
}

export function numbered(count: number, more: (index: number) => Partial<CrashItem> = () => ({})): CrashItem[] {
  return Array.from({ length: count }, (_, i) => ({ id: `k${i}`, ...more(i) }));
}

export function asLines(items: readonly CrashItem[]): string {
  return items.map((item) => `${JSON.stringify(item)}\n`).join('');
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
    const child = spawn(process.execPath, args, {
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

/** What a test looks at: files, a ledger and effects, worker processes, a workflow. */
export class CrashSite {
  readonly crash: CrashServer;
  readonly job: CrashJob;
  readonly root: string;
  readonly home: string;
  readonly directory: string;
  readonly workers: CrashWorker[] = [];

  constructor(crash: CrashServer, job: CrashJob, items: readonly CrashItem[]) {
    this.crash = crash;
    this.job = job;
    this.root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-crash-site-')));
    this.home = join(this.root, 'home');
    this.directory = join(this.root, 'files');
    mkdirSync(this.home);
    mkdirSync(this.directory);
    writeFileSync(this.file(CALLS), '');
    writeFileSync(this.file(SOURCE), asLines(items));
    const db = new DatabaseSync(this.file(DATABASE));
    // No key: a doubled effect shows as a second row.
    db.exec(
      'PRAGMA journal_mode = WAL; CREATE TABLE effect (key TEXT NOT NULL, worker TEXT NOT NULL, at INTEGER NOT NULL)',
    );
    db.close();
  }

  get jobId(): string {
    return this.job.name;
  }

  get handle(): WorkflowHandle {
    return this.crash.client.workflow.getHandle(this.jobId);
  }

  file(name: string): string {
    return join(this.directory, name);
  }

  spawn(env: NodeJS.ProcessEnv = {}, job: Partial<CrashJob> = {}): CrashWorker {
    const { home, directory } = this;
    const worker = new CrashWorker({ job: { ...this.job, ...job }, address: this.crash.address, home, directory }, env);
    this.workers.push(worker);
    return worker;
  }

  /** Starts the job's workflow, as a client does. */
  async start(input: Partial<JobInput> = {}): Promise<void> {
    const { name } = this.job;
    const args: [JobInput] = [
      { jobId: this.jobId, name, params: canonicalText({}), again: false, limit: null, ...input },
    ];
    await this.crash.client.workflow.start(JOB_WORKFLOW, {
      workflowId: this.jobId,
      taskQueue: taskQueueOf(name),
      workflowTaskTimeout: '2s',
      args,
    });
  }

  /** The workflow's result; what the workers wrote is in the error where it does not come. */
  async result(limitMs = 45_000): Promise<JobResult> {
    const timer = new AbortController();
    const late = sleep(limitMs, null, { signal: timer.signal }).catch(() => null);
    try {
      const result = await Promise.race([this.handle.result() as Promise<JobResult>, late]);
      if (result !== null) return result;
      throw new Error(`job ${this.jobId} did not end in ${limitMs} ms; its workers wrote:\n${this.log()}`);
    } finally {
      timer.abort();
    }
  }

  log(): string {
    return this.workers.map(({ pid, text }) => `--- ${pid}\n${text.slice(-4_000)}`).join('\n');
  }

  async wake(): Promise<void> {
    await this.handle.signal(WAKE).catch(() => undefined);
  }

  /** Adds records to the source. */
  append(items: readonly CrashItem[]): void {
    appendFileSync(this.file(SOURCE), asLines(items));
  }

  /** Reads the sink's database, which holds the ledger too, or another file. */
  query<Row>(sql: string, file = DATABASE): Row[] {
    const db = new DatabaseSync(this.file(file), { readOnly: true, timeout: 5_000 });
    try {
      return db.prepare(sql).all() as Row[];
    } finally {
      db.close();
    }
  }

  /** Writes to it, as a client that controls the job does. */
  change(sql: string, timeout = 10_000): void {
    const db = new DatabaseSync(this.file(DATABASE), { timeout });
    try {
      db.exec(sql);
    } finally {
      db.close();
    }
  }

  effects(): number {
    return Number(this.query<{ n: number }>('SELECT count(*) AS n FROM effect')[0]?.n);
  }

  async untilEffects(least: number, limitMs = 30_000): Promise<void> {
    await until(`${least} effects`, () => this.effects() >= least, limitMs).catch((error: Error) => {
      throw new Error(`${error.message}; there are ${this.effects()}; the workers wrote:\n${this.log()}`);
    });
  }

  async untilCalls(id: string, least: number): Promise<void> {
    await until(`${least} calls of ${id}`, () => this.calls().filter((key) => key === id).length >= least);
  }

  /** `begin KEY` and `end KEY`, in the order in which all processes wrote them. */
  callLines(): string[] {
    return readFileSync(this.file(CALLS), 'utf8').split('\n').slice(0, -1);
  }

  /** Keys in the order of their calls, one entry a call. */
  calls(): string[] {
    const begun = this.callLines().filter((line) => line.startsWith('begin '));
    return begun.map((line) => line.slice(6));
  }

  /** Suspends a worker at a moment when it does not hold the database's lock. */
  async stopOutsideOfTransactions(worker: CrashWorker): Promise<void> {
    for (;;) {
      worker.child.kill('SIGSTOP');
      await sleep(50);
      try {
        this.change('BEGIN IMMEDIATE; ROLLBACK', 200);
        return;
      } catch {
        worker.child.kill('SIGCONT');
        await sleep(50);
      }
    }
  }

  async end(): Promise<void> {
    for (const worker of this.workers) worker.child.kill('SIGKILL');
    for (const worker of this.workers) await worker.exited;
    if (isAlive(this.crash.server.pid)) await this.handle.terminate().catch(() => undefined);
    if (existsSync(this.root)) rmSync(this.root, { recursive: true, force: true, maxRetries: 3 });
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
