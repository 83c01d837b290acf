import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { canonicalText } from '../../definitions/job-id.ts';
import { JOB_WORKFLOW, type JobInput, type JobResult, taskQueueOf, WAKE } from '../../workflows/messages.ts';
import type { CrashServer } from './crash-server.ts';
import { CrashWorker, until } from './crash-worker.ts';
import { CALLS, type CrashItem, type CrashJob, DATABASE, SOURCE } from './jobs.ts';
import type { WorkerSettings } from './worker-process.ts';

export function numbered(count: number, more: (index: number) => Partial<CrashItem> = () => ({})): CrashItem[] {
  return Array.from({ length: count }, (_, i) => ({ id: `k${i}`, ...more(i) }));
}

export function asLines(items: readonly CrashItem[]): string {
  return items.map((item) => `${JSON.stringify(item)}\n`).join('');
}

/** What a test looks at: files, a ledger and effects, worker processes, a workflow. */
export class CrashSite {
  readonly crash: CrashServer;
  readonly job: CrashJob;
  readonly root: string;
  readonly home: string;
  readonly directory: string;
  readonly workers: CrashWorker[] = [];
  readonly #itemsThatFail: number;

  /** `beside`: another site, whose home (and so its store) this one shares. */
  constructor(crash: CrashServer, job: CrashJob, items: readonly CrashItem[], beside?: CrashSite) {
    this.crash = crash;
    this.#itemsThatFail = items.filter((item) => item.fail).length;
    this.job = job;
    this.root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-crash-site-')));
    this.home = beside?.home ?? join(this.root, 'home');
    this.directory = join(this.root, 'files');
    mkdirSync(this.home, { recursive: true });
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

  /** How many of its items fail at first: their further calls are not a kill's. */
  get itemsThatFail(): number {
    return this.#itemsThatFail;
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

  spawn(env: NodeJS.ProcessEnv = {}, job: Partial<CrashJob> = {}, more: Partial<WorkerSettings> = {}): CrashWorker {
    const { home, directory } = this;
    const settings = { job: { ...this.job, ...job }, address: this.crash.address, home, directory, ...more };
    const worker = new CrashWorker(settings, env);
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

  /** Puts another file in the source's place. */
  replaceSource(items: readonly CrashItem[]): void {
    writeFileSync(this.file('next'), asLines(items));
    renameSync(this.file('next'), this.file(SOURCE));
  }

  /** Makes a consistent copy of the database as it is now. */
  copyDatabase(): void {
    rmSync(this.file('copy.db'), { force: true });
    this.change(`VACUUM INTO '${this.file('copy.db')}'`);
  }

  /** Puts the copy in the database's place, as an operator's tool does: another file under the name. */
  restoreDatabase(): void {
    copyFileSync(this.file('copy.db'), this.file('restored.db'));
    renameSync(this.file('restored.db'), this.file(DATABASE));
    for (const end of ['-wal', '-shm']) rmSync(this.file(`${DATABASE}${end}`), { force: true });
  }

  /** Overwrites the source in place, and sets its time back, so that only its bytes tell. */
  rewriteUnseen(text: string): void {
    const { atime, mtime } = statSync(this.file(SOURCE));
    writeFileSync(this.file(SOURCE), text, { flag: 'r+' });
    utimesSync(this.file(SOURCE), atime, mtime);
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

  /** Waits until no call has begun for a second. */
  async quiet(): Promise<void> {
    for (let before = -1; before !== this.calls().length; ) {
      before = this.calls().length;
      await sleep(1_000);
    }
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
    if (this.crash.isUp) await this.handle.terminate().catch(() => undefined);
    if (existsSync(this.root)) rmSync(this.root, { recursive: true, force: true, maxRetries: 3 });
  }
}
