import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { HoldfastClient, type JobStatus, type Summary } from '../../client/index.ts';
import { serverStatus } from '../../server/embedded.ts';
import { type Ended, RunningCommand, until } from './running-command.ts';

const root = join(import.meta.dirname, '../..');

/** A home with its embedded server, and the projects in it: as one user has them on one machine. */
export class Site {
  readonly directory = realpathSync(mkdtempSync(join(tmpdir(), 'hf-cli-')));
  readonly home = join(this.directory, 'home');
  readonly #running = new Set<RunningCommand>();

  /** A directory of its own, to run commands in. */
  project(name: string): Project {
    const directory = join(this.directory, name);
    mkdirSync(directory);
    return new Project(this, directory, name);
  }

  start(
    args: readonly string[],
    { cwd = this.directory, env = {} }: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
  ): RunningCommand {
    const inherited = { ...process.env };
    for (const name of Object.keys(inherited))
      if (/^(TEMPORAL_|HOLDFAST_(?!TEST_RUN))/.test(name)) delete inherited[name];
    const child = spawn(process.execPath, [join(root, 'bin/holdfast.js'), ...args], {
      cwd,
      env: { ...inherited, HOLDFAST_HOME: this.home, NODE_OPTIONS: '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const command = new RunningCommand(child);
    this.#running.add(command);
    void command.ended.then(() => this.#running.delete(command));
    return command;
  }

  /** Kills what still runs, ends the server, removes everything. */
  async remove(): Promise<void> {
    await Promise.all([...this.#running].map((command) => command.end('SIGKILL')));
    await this.start(['server', 'stop']).ended;
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Ends the server and deletes its database: as after the retention of its workflows. */
  async loseServerData(): Promise<void> {
    await this.start(['server', 'stop']).ended;
    for (const end of ['', '-wal', '-shm', '-journal']) rmSync(join(this.home, `temporal.db${end}`), { force: true });
  }

  /** As an operator does it with Temporal's own tools. */
  async terminate(workflowId: string): Promise<void> {
    const { address } = await serverStatus({ home: this.home });
    const connection = await Connection.connect({ address: String(address) });
    await new Client({ connection }).workflow.getHandle(workflowId).terminate('by hand');
    await connection.close();
  }

  serverPid(): Promise<number | null> {
    return serverStatus({ home: this.home }).then(({ pid }) => pid);
  }
}

export interface JobText {
  /** Lines inside `run`, with `item`, `ctx`. @default item.hold waits for the file `go`, item.fail throws unless the file `mended` is there */
  readonly body?: string;
  /** Further options of the job. */
  readonly options?: string;
  /** @default a table `landed` in `out.db`, inserted into: a second insert of a key would fail */
  readonly sink?: string | null;
  readonly params?: string;
  readonly source?: string;
}

export interface Item {
  readonly id: string;
  readonly hold?: boolean;
  readonly fail?: boolean;
  readonly v?: number;
}

/** A directory with a job file and its input. */
export class Project {
  readonly site: Site;
  readonly directory: string;
  /** Of the job; also its id, where it has no params. */
  readonly name: string;

  constructor(site: Site, directory: string, name: string) {
    this.site = site;
    this.directory = directory;
    this.name = name;
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.directory, file), text);
  }

  read(file: string): string {
    return readFileSync(join(this.directory, file), 'utf8');
  }

  /** Writes the input: objects with an `id`. */
  items(items: readonly Item[], file = 'in.jsonl'): void {
    this.write(file, items.map((item) => `${JSON.stringify(item)}\n`).join(''));
  }

  /** Writes `job.ts`. Each call of `run` appends its item's id to `calls.log`. */
  job({ body, options = '', sink, params = '{}', source = "jsonl<Item>('in.jsonl')" }: JobText = {}): void {
    const to =
      sink === null
        ? ''
        : `.to(${sink ?? "sqlTable({ url: 'sqlite:out.db', table: 'landed', key: 'id', row: (item, result) => ({ id: item.id, v: result.v }) })"})`;
    this.write(
      'job.ts',
      `import { appendFileSync, existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { defineJob, jsonl, sqlTable } from 'holdfast';
interface Item { readonly id: string; readonly hold?: boolean; readonly fail?: boolean; readonly v?: number }
const here = import.meta.dirname;
export default defineJob({
  name: '${this.name}', params: ${params}, source: (params) => ${source}, key: (item: Item) => item.id,
  concurrency: 5, tolerate: { failures: 2 }, retry: { attempts: 1 }, ${options}
  run: async (item: Item, ctx) => {
    appendFileSync(here + '/calls.log', item.id + ' ' + ctx.idempotencyKey + '\\n');
    ${body ?? DEFAULT_BODY}
  },
})${to};
`,
    );
  }

  /** Runs a command to its end. */
  cli(...args: readonly string[]): Promise<Ended> {
    return this.start(...args).ended;
  }

  start(...args: readonly string[]): RunningCommand {
    return this.site.start(args, { cwd: this.directory });
  }

  /** `holdfast run job.ts --json …`, to its end. */
  async run(...args: readonly string[]): Promise<Ended & { readonly summary: Summary }> {
    const ended = await this.cli('run', 'job.ts', '--json', ...args);
    return { ...ended, summary: parse(ended) as Summary };
  }

  /** A command's `--json` document. */
  async json(...args: readonly string[]): Promise<unknown> {
    return parse(await this.cli(...args, '--json'));
  }

  /** Keys that were given to `run`, in the order of the calls. */
  calls(): readonly string[] {
    return this.#callLines().map(([id]) => id);
  }

  idempotencyKeys(): readonly string[] {
    return this.#callLines().map(([, key]) => key);
  }

  #callLines(): readonly (readonly [string, string])[] {
    try {
      const lines = this.read('calls.log').trimEnd().split('\n');
      return lines.map((line) => line.split(' ') as unknown as readonly [string, string]);
    } catch {
      return [];
    }
  }

  /** Rows of the sink's table, by key. */
  landed(database = 'out.db'): readonly string[] {
    const open = new DatabaseSync(join(this.directory, database), { readOnly: true });
    try {
      return open
        .prepare('SELECT id FROM landed ORDER BY id')
        .all()
        .map(({ id }) => String(id));
    } finally {
      open.close();
    }
  }

  /** The ledger's word on the job, without any process in between. */
  async status(id = this.name): Promise<JobStatus | null> {
    const { home } = this.site;
    await using client = new HoldfastClient({ home, address: null, store: `sqlite:${join(home, 'store.db')}` });
    return await client
      .job(id)
      .status()
      .catch(() => null);
  }

  async progress(id = this.name): Promise<Summary | null> {
    return (await this.status(id))?.summary ?? null;
  }

  /** Waits until so many items have landed. */
  async applies(count: number, id = this.name): Promise<void> {
    await until(
      `${count} items of ${id} have landed`,
      async () => ((await this.progress(id))?.items.applied ?? 0) >= count,
    );
  }

  /** Starts `run`, lets what does not hold land, and kills it with SIGKILL while the rest holds. */
  async runAndKill(landed: number, ...args: readonly string[]): Promise<void> {
    const command = this.start('run', 'job.ts', ...args);
    await this.applies(landed);
    await command.end('SIGKILL');
  }
}

const DEFAULT_BODY = `while (item.hold && !existsSync(here + '/go')) await sleep(20, undefined, { signal: ctx.signal });
    if (item.fail && !existsSync(here + '/mended')) throw new Error('the item is bad');
    return { v: item.v ?? 0 };`;

/** Items `k1` … `kN`, of which those from `hold` on wait for the file `go`. */
export function numbered(
  count: number,
  { hold = count + 1, fail = [] }: { readonly hold?: number; readonly fail?: readonly number[] } = {},
): Item[] {
  return Array.from({ length: count }, (_, index) => {
    const number = index + 1;
    return {
      id: `k${number}`,
      ...(number >= hold ? { hold: true } : {}),
      ...(fail.includes(number) ? { fail: true } : {}),
    };
  });
}

export function keys(count: number, from = 1): readonly string[] {
  return Array.from({ length: count - from + 1 }, (_, index) => `k${from + index}`);
}

/** Whether a cancel was asked for, and long enough ago for the workers to have seen it. */
export async function cancelling(project: Project): Promise<boolean> {
  const asked = (await project.status())?.cancelling === true;
  if (asked) await sleep(1_000);
  return asked;
}

function parse({ code, stdout, stderr }: Ended): unknown {
  try {
    return JSON.parse(stdout);
  } catch {
    throw new Error(`stdout is not one JSON document (exit ${code}):\n${stdout}\n--- stderr\n${stderr}`);
  }
}
