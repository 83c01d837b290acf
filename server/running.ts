import { realpathSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { HoldfastError } from '../definitions/errors.ts';
import { answers } from './answer.ts';
import { type ServerFiles, serverFiles } from './home.ts';
import type { ServerLimits } from './limits.ts';
import { findServerProcesses, holdsFile, type ServerProcess } from './process-table.ts';

export const SERVER_NAMESPACE = 'default';

const KILL_TIMEOUT_MS = 5_000;

/** A running server, as commands show it. */
export interface ServerDescription {
  readonly address: string;
  readonly pid: number;
  /** Its web page, or null where it has none. */
  readonly ui: string | null;
}

export function describeServer(running: ServerProcess): ServerDescription {
  const ui = running.uiPort === null ? null : `http://${running.ip}:${running.uiPort}`;
  return { address: `${running.ip}:${running.port}`, pid: running.pid, ui };
}

/** Where the home's server is now; null where none runs. Starts nothing, and does not ask whether it answers. */
export async function runningAddress(home: string): Promise<string | null> {
  try {
    const [running] = await findServerProcesses(serverFiles(realpathSync(home)).database);
    return running === undefined ? null : describeServer(running).address;
  } catch {
    // No home, or a process table that cannot be read.
    return null;
  }
}

/**
 * The server on the database file, answering; null where there is none. Call it under the server's lock.
 *
 * @throws HF_SERVER_STUCK when there is one that does not answer: a second one on its file would spoil what both write.
 */
export async function findAnswering(files: ServerFiles, limits: ServerLimits): Promise<ServerProcess | null> {
  const deadline = Date.now() + limits.answerTimeoutMs;
  for (;;) {
    const [running] = await findServerProcesses(files.database);
    if (running === undefined) return null;
    if (await answers(describeServer(running).address, SERVER_NAMESPACE, 1_000)) {
      if (holdsFile(running.pid, files.database) !== false) return running;
      // Its file was deleted or replaced under it: what it holds can be found by nobody once it ends.
      await endServer(files, limits.stopTimeoutMs);
      return null;
    }
    if (Date.now() >= deadline) {
      throw new HoldfastError('HF_SERVER_STUCK', {
        timeoutMs: limits.answerTimeoutMs,
        log: files.log,
        pid: running.pid,
      });
    }
    await sleep(50);
  }
}

/**
 * Asks every process on the database file to end, then makes it end. Resolves to whether there was one. Call it under
 * the server's lock.
 */
export async function endServer(files: ServerFiles, timeoutMs: number): Promise<boolean> {
  const first = await findServerProcesses(files.database);
  signal(first, 'SIGTERM');
  // A suspended process takes its SIGTERM only once it goes on.
  signal(first, 'SIGCONT');
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const left = await findServerProcesses(files.database);
    const [running] = left;
    if (running === undefined) return first.length > 0;
    if (Date.now() >= deadline) signal(left, 'SIGKILL');
    if (Date.now() >= deadline + KILL_TIMEOUT_MS) {
      throw new HoldfastError('HF_SERVER_STUCK', {
        timeoutMs: timeoutMs + KILL_TIMEOUT_MS,
        log: files.log,
        pid: running.pid,
      });
    }
    await sleep(25);
  }
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
