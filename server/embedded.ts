import { existsSync } from 'node:fs';
import { isHoldfastError } from '../definitions/errors.ts';
import { answers } from './answer.ts';
import { createHome, findHome, serverFiles } from './home.ts';
import { SERVER_LIMITS, type ServerLimits } from './limits.ts';
import { findServerProcesses, type ServerProcess } from './process-table.ts';
import { findProgram } from './program.ts';
import { readRecord, removeRecord, writeRecord } from './record.ts';
import { describeServer, endServer, findAnswering, SERVER_NAMESPACE, type ServerDescription } from './running.ts';
import { withFileLock } from './server-lock.ts';
import { startOnFile } from './start.ts';
import { findUsers, joinUsers, type ServerUser } from './users.ts';

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
  /** `run`: the server ends with the last process that uses it. `keep`: it stays until `stopServer`. */
  readonly use: 'run' | 'keep';
  /** A port that a server started now must have. @default the one it had before, else one that the home decides */
  readonly port?: number;
  /** As `port`, for its web page. */
  readonly uiPort?: number;
}

/** A running embedded server, as one process uses it. */
export interface EmbeddedServer extends ServerDescription {
  readonly namespace: string;
  /** Its database file. */
  readonly file: string;
  readonly home: string;
  /** Whether this call started it. */
  readonly started: boolean;
  /** Ends this process's use; the server ends too if nobody else uses it and it is not kept. */
  release(): Promise<{ readonly stopped: boolean }>;
}

/**
 * Gives the embedded server of a home: the one that runs, else one that it starts. Never two on one database file.
 *
 * @throws HF_SERVER_PROGRAM, HF_SERVER_START, HF_SERVER_STUCK, HF_SERVER_BUSY, HF_SERVER_FILE_IN_USE, HF_PORT_TAKEN,
 * HF_HOME_UNWRITABLE
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

export interface StopResult {
  readonly stopped: boolean;
  readonly pid: number | null;
  /** The processes that were using it. */
  readonly users: readonly number[];
}

/**
 * Ends the server, whoever uses it. What it holds is in its file: the next start goes on from there.
 *
 * @throws HF_SERVER_BUSY, HF_SERVER_STUCK
 */
export async function stopServer(options: ServerOptions = {}): Promise<StopResult> {
  const home = options.home ?? findHome({ env: options.env ?? process.env });
  if (!existsSync(home)) return { stopped: false, pid: null, users: [] };
  const files = serverFiles(createHome(home));
  const limits = { ...SERVER_LIMITS, ...options.limits };
  return withFileLock(files.lock, limits.lockTimeoutMs, async () => {
    const [running] = await findServerProcesses(files.database);
    const users = findUsers(files.users);
    // First the record: it is by a record left behind that a watch tells a server that died from one that was stopped.
    removeRecord(files.record);
    const stopped = await endServer(files, limits.stopTimeoutMs);
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
  /** Whether it answered within a second: a running one that does not is starting, suspended or stuck. */
  readonly answering: boolean;
}

/** What runs now. Starts nothing, makes no files, waits for no lock. */
export async function serverStatus(options: Pick<ServerOptions, 'home' | 'env'> = {}): Promise<ServerStatus> {
  const home = options.home ?? findHome({ env: options.env ?? process.env });
  const file = serverFiles(home).database;
  const [running] = await findServerProcesses(file);
  if (running === undefined) return { running: false, address: null, pid: null, ui: null, file, answering: false };
  const shown = describeServer(running);
  return { running: true, ...shown, file, answering: await answers(shown.address, SERVER_NAMESPACE, 1_000) };
}

interface Settled extends EnsureOptions {
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  readonly limits: ServerLimits;
}

function underLock<T>({ home, limits }: Settled, work: () => Promise<T>): Promise<T> {
  return withFileLock(serverFiles(home).lock, limits.lockTimeoutMs, work);
}

/** Null when a program is needed to go on. */
async function useRunningOrStart(settled: Settled, program: string | undefined): Promise<EmbeddedServer | null> {
  const { home, env, limits, port, uiPort } = settled;
  const running = await findAnswering(serverFiles(home), limits);
  if (running !== null) return handOut(settled, running, false);
  if (program === undefined) return null;
  const ports = { ...(port !== undefined && { port }), ...(uiPort !== undefined && { uiPort }) };
  return handOut(settled, await startOnFile({ home, program, env, limits, ...ports }), true);
}

/** Writes down what is so now, and makes this process a user: under the lock, so that nobody ends the server. */
function handOut(settled: Settled, running: ServerProcess, started: boolean): EmbeddedServer {
  const { home, use } = settled;
  const files = serverFiles(home);
  const record = readRecord(files.record);
  const known = record?.pid === running.pid ? record : null;
  // One that a user started by hand on our file is used, but never ended by a run.
  const keep = use === 'keep' || (known?.keep ?? !running.ours);
  if (known === null || known.keep !== keep) {
    const { pid, port, uiPort } = running;
    const { program = '', startedAt = new Date().toISOString() } = known ?? {};
    writeRecord(files.record, { pid, port, uiPort, keep, program, startedAt });
  }
  const user = use === 'run' ? joinUsers(files.users) : null;
  let released: Promise<{ readonly stopped: boolean }> | undefined;
  const release = () => (released ??= user === null ? Promise.resolve({ stopped: false }) : leave(settled, user));
  return { ...describeServer(running), namespace: SERVER_NAMESPACE, file: files.database, home, started, release };
}

async function leave(settled: Settled, user: ServerUser): Promise<{ readonly stopped: boolean }> {
  const files = serverFiles(settled.home);
  try {
    return await underLock(settled, async () => {
      user.leave();
      if (readRecord(files.record)?.keep === true || findUsers(files.users).length > 0) return { stopped: false };
      removeRecord(files.record);
      return { stopped: await endServer(files, settled.limits.stopTimeoutMs) };
    });
  } catch (error) {
    if (!isHoldfastError(error, 'HF_SERVER_BUSY')) throw error;
    // As if the process had been killed: the next command that ends its use ends the server.
    user.leave();
    return { stopped: false };
  }
}
