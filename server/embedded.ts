import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { HoldfastError } from '../definitions/errors.ts';
import { answers } from './answer.ts';
import { refuseForeignUse } from './database-guard.ts';
import { createHome, findHome, serverFiles } from './home.ts';
import { launchServer } from './launch.ts';
import { chooseFreePort, homePort, isPortFree, SERVER_IP } from './ports.ts';
import { findServerProcesses, holdsFile, type ServerProcess } from './process-table.ts';
import { findProgram } from './program.ts';
import { readRecord, removeRecord, writeRecord } from './record.ts';
import { withFileLock } from './server-lock.ts';
import { findUsers, joinUsers, type ServerUser } from './users.ts';

export const SERVER_NAMESPACE = 'default';

/** How long things may take, in milliseconds. */
export interface ServerLimits {
  /** Until a server that was just started answers. @default 30000 */
  readonly startTimeoutMs: number;
  /** Until a server that was found running answers; then it counts as stuck. @default 10000 */
  readonly answerTimeoutMs: number;
  /** Until a server that is asked to end has ended; then it is killed. @default 10000 */
  readonly stopTimeoutMs: number;
  /** Until another command that starts or ends the server is through with it. @default 60000 */
  readonly lockTimeoutMs: number;
}

export const SERVER_LIMITS: ServerLimits = {
  startTimeoutMs: 30_000,
  answerTimeoutMs: 10_000,
  stopTimeoutMs: 10_000,
  lockTimeoutMs: 60_000,
};

export interface ServerOptions {
  /** @default what `findHome()` gives */
  readonly home?: string;
  /** @default process.env */
  readonly env?: NodeJS.ProcessEnv;
  readonly limits?: Partial<ServerLimits>;
  /** Takes lines about what takes long (fetching the program). @default writes them to stderr */
  readonly say?: (line: string) => void;
}

export interface EnsureOptions extends ServerOptions {
  /** `run`: it ends with the last process that uses it. `keep`: it stays until `stopServer`. */
  readonly use: 'run' | 'keep';
  /** A port that must be had. @default the one it had before, else one that depends on the home alone */
  readonly port?: number;
  readonly uiPort?: number;
}

/** A running embedded server, as one process uses it. */
export interface EmbeddedServer {
  readonly address: string;
  readonly namespace: string;
  readonly pid: number;
  /** Its web page, or null where it has none. */
  readonly ui: string | null;
  /** Its database file. */
  readonly file: string;
  readonly home: string;
  /** Whether this call started it. */
  readonly started: boolean;
  /** Ends this process's use; the server ends too if nobody else uses it and it is not kept. Never throws twice. */
  release(): Promise<{ readonly stopped: boolean }>;
}

/**
 * Gives the embedded server of a home: the one that runs, else one that it starts. Never two on one database file.
 *
 * @throws HF_SERVER_PROGRAM, HF_SERVER_START, HF_SERVER_STUCK, HF_SERVER_BUSY, HF_SERVER_FILE_IN_USE, HF_PORT_TAKEN, HF_HOME_UNWRITABLE
 * @example
 * const server = await ensureServer({ use: 'run' });
 * const connection = await Connection.connect({ address: server.address });
 * await server.release();
 */
export async function ensureServer(options: EnsureOptions): Promise<EmbeddedServer> {
  const env = options.env ?? process.env;
  const home = createHome(options.home ?? findHome({ env }));
  const settled: Settled = { ...options, env, home, limits: { ...SERVER_LIMITS, ...options.limits } };
  let program: string | undefined;
  for (;;) {
    const server = await underLock(settled, () => useRunningOrStart(settled, program));
    if (server !== null) return server;
    // Fetching may take minutes: not under the lock, which is for seconds.
    program = (await findProgram('temporal', { env, ...(options.say && { say: options.say }) })).path;
  }
}

/** Starts the server (or takes the running one) to stay until `stopServer`. Throws as `ensureServer` does. */
export async function startServer(options: Omit<EnsureOptions, 'use'> = {}): Promise<EmbeddedServer> {
  return ensureServer({ ...options, use: 'keep' });
}

interface Settled extends EnsureOptions {
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  readonly limits: ServerLimits;
}

function underLock<T>({ home, limits }: Pick<Settled, 'home' | 'limits'>, work: () => Promise<T>): Promise<T> {
  return withFileLock(serverFiles(home).lock, limits.lockTimeoutMs, work);
}

/** Null when a program is needed to go on. */
async function useRunningOrStart(settled: Settled, program: string | undefined): Promise<EmbeddedServer | null> {
  const running = await findAnswering(settled);
  if (running !== null) return handOut(settled, running, false);
  if (program === undefined) return null;
  return handOut(settled, await start(settled, program), true);
}

/** The server on our database file, answering; null where there is none. */
async function findAnswering({ home, limits }: Settled): Promise<ServerProcess | null> {
  const files = serverFiles(home);
  const [running] = await findServerProcesses(files.database);
  if (running === undefined) return null;
  const deadline = Date.now() + limits.answerTimeoutMs;
  while (!(await answers(addressOf(running), SERVER_NAMESPACE, 1_000))) {
    if ((await findServerProcesses(files.database)).length === 0) return null;
    if (Date.now() >= deadline) {
      throw new HoldfastError('HF_SERVER_STUCK', { timeoutMs: limits.answerTimeoutMs, log: files.log, pid: running.pid });
    }
    await sleep(50);
  }
  if (holdsFile(running.pid, files.database) !== false) return running;
  // Its file was deleted or replaced under it: what it holds can be found by nobody once it ends.
  await endServer(files.database, limits.stopTimeoutMs);
  return null;
}

async function start(settled: Settled, program: string): Promise<ServerProcess> {
  const { home, env, limits } = settled;
  const files = serverFiles(home);
  const before = readRecord(files.record);
  removeRecord(files.record);
  if (existsSync(files.database)) await refuseForeignUse(files.database, limits.answerTimeoutMs);
  for (const asked of [settled.port, settled.uiPort]) {
    if (asked !== undefined && !(await isPortFree(asked))) throw new HoldfastError('HF_PORT_TAKEN', { port: asked });
  }
  for (let attempt = 1; ; attempt += 1) {
    const port = settled.port ?? (await chooseFreePort([before?.port, homePort(home)], homePort(home)));
    const uiPort = settled.uiPort ?? (await chooseFreePort([before?.uiPort ?? undefined, port + 1], port + 2));
    const launch = await launchServer({
      program, files, directory: home, port, uiPort, namespace: SERVER_NAMESPACE, env, timeoutMs: limits.startTimeoutMs,
    });
    if (launch.kind === 'answers') {
      const [found] = await findServerProcesses(files.database);
      const started = found ?? { pid: launch.pid, parent: process.pid, ip: SERVER_IP, port, uiPort, ours: true };
      writeRecord(files.record, {
        pid: started.pid, port, uiPort, keep: false, program, startedAt: new Date().toISOString(),
      });
      return started;
    }
    if (attempt === 5 || settled.port !== undefined) throw new HoldfastError('HF_PORT_TAKEN', { port });
  }
}

/** Writes down what is so now, and makes this process a user. Under the lock, so that nobody ends it in between. */
function handOut(settled: Settled, running: ServerProcess, started: boolean): EmbeddedServer {
  const { home, use } = settled;
  const files = serverFiles(home);
  const record = readRecord(files.record);
  const known = record?.pid === running.pid ? record : null;
  const keep = use === 'keep' || (known?.keep ?? !running.ours);
  if (known === null || known.keep !== keep) {
    const { pid, port, uiPort } = running;
    writeRecord(files.record, {
      pid, port, uiPort, keep, program: known?.program ?? '', startedAt: known?.startedAt ?? new Date().toISOString(),
    });
  }
  const user = use === 'run' ? joinUsers(files.users) : null;
  let released: Promise<{ readonly stopped: boolean }> | undefined;
  return {
    ...describeServer(running),
    namespace: SERVER_NAMESPACE,
    file: files.database,
    home,
    started,
    release: () => (released ??= release(settled, user)),
  };
}

async function release(settled: Settled, user: ServerUser | null): Promise<{ readonly stopped: boolean }> {
  if (user === null) return { stopped: false };
  const files = serverFiles(settled.home);
  return underLock(settled, async () => {
    user.leave();
    const record = readRecord(files.record);
    if (record?.keep === true || findUsers(files.users).length > 0) return { stopped: false };
    const stopped = await endServer(files.database, settled.limits.stopTimeoutMs);
    removeRecord(files.record);
    return { stopped };
  });
}

export interface StopResult {
  readonly stopped: boolean;
  readonly pid: number | null;
  /** The processes that were using it. */
  readonly users: readonly number[];
}

/** Ends the server whoever uses it; what it holds is in its file, and the next start goes on from there. */
export async function stopServer(options: ServerOptions = {}): Promise<StopResult> {
  const home = options.home ?? findHome({ env: options.env ?? process.env });
  const files = serverFiles(home);
  const limits = { ...SERVER_LIMITS, ...options.limits };
  if (!existsSync(home)) return { stopped: false, pid: null, users: [] };
  return underLock({ home: createHome(home), limits }, async () => {
    const [running] = await findServerProcesses(files.database);
    const users = findUsers(files.users);
    const stopped = await endServer(files.database, limits.stopTimeoutMs);
    removeRecord(files.record);
    return { stopped, pid: running?.pid ?? null, users };
  });
}

export interface ServerStatus {
  readonly running: boolean;
  readonly address: string | null;
  readonly pid: number | null;
  readonly ui: string | null;
  /** The database file, whether or not it exists. */
  readonly file: string;
  /** Whether it answered within a second: a running one that does not is stuck, starting or suspended. */
  readonly answering: boolean;
}

/** What runs now. Starts nothing, makes no files, waits for no lock. */
export async function serverStatus(options: Pick<ServerOptions, 'home' | 'env'> = {}): Promise<ServerStatus> {
  const home = options.home ?? findHome({ env: options.env ?? process.env });
  const file = serverFiles(home).database;
  const [running] = await findServerProcesses(file);
  if (running === undefined) return { running: false, address: null, pid: null, ui: null, file, answering: false };
  const answering = await answers(addressOf(running), SERVER_NAMESPACE, 1_000);
  return { running: true, ...describeServer(running), file, answering };
}

function describeServer(running: ServerProcess) {
  const ui = running.uiPort === null ? null : `http://${running.ip}:${running.uiPort}`;
  return { address: addressOf(running), pid: running.pid, ui };
}

function addressOf(running: ServerProcess): string {
  return `${running.ip}:${running.port}`;
}

/** Asks every process on the file to end, then makes it end. Resolves to whether there was one. */
async function endServer(databaseFile: string, timeoutMs: number): Promise<boolean> {
  const first = await findServerProcesses(databaseFile);
  signal(first, 'SIGTERM');
  // A suspended process takes its SIGTERM only once it goes on.
  signal(first, 'SIGCONT');
  const deadline = Date.now() + timeoutMs;
  for (let left = first; left.length > 0; left = await findServerProcesses(databaseFile)) {
    if (Date.now() >= deadline) signal(left, 'SIGKILL');
    await sleep(25);
  }
  return first.length > 0;
}

function signal(servers: readonly ServerProcess[], name: NodeJS.Signals): void {
  for (const { pid } of servers) {
    try {
      process.kill(pid, name);
    } catch {
      // It has ended already.
    }
  }
}
