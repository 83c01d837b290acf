import { existsSync } from 'node:fs';
import { HoldfastError } from '../definitions/errors.ts';
import { refuseForeignUse } from './database-guard.ts';
import { serverFiles } from './home.ts';
import { launchServer } from './launch.ts';
import type { ServerLimits } from './limits.ts';
import { becomesFree, chooseFreePort, homePort, isPortFree, SERVER_IP } from './ports.ts';
import { findServerProcesses, type ServerProcess } from './process-table.ts';
import { readRecord, type ServerRecord, writeRecord } from './record.ts';
import { SERVER_NAMESPACE } from './running.ts';

const PORT_RACES_MAX = 5;
const DEAD_PORT_TIMEOUT_MS = 2_000;

export interface StartOptions {
  readonly home: string;
  readonly program: string;
  readonly env: NodeJS.ProcessEnv;
  readonly limits: ServerLimits;
  readonly port?: number;
  readonly uiPort?: number;
}

/**
 * Starts a server on the home's database file and writes its record. Call it under the server's lock, when no server
 * is on that file.
 *
 * @throws HF_PORT_TAKEN, HF_SERVER_START, HF_SERVER_FILE_IN_USE
 */
export async function startOnFile(options: StartOptions): Promise<ServerProcess> {
  const { home, program, env, limits } = options;
  const files = serverFiles(home);
  const before = readRecord(files.record);
  if (existsSync(files.database)) await refuseForeignUse(files.database, limits.answerTimeoutMs);
  for (const port of [options.port, options.uiPort]) {
    if (port !== undefined && !(await isPortFree(port))) throw new HoldfastError('HF_PORT_TAKEN', { port });
  }
  for (let attempt = 1; ; attempt += 1) {
    const { port, uiPort } = await choosePorts(options, before);
    const launch = await launchServer({
      program,
      files,
      directory: home,
      port,
      uiPort,
      namespace: SERVER_NAMESPACE,
      env,
      timeoutMs: limits.startTimeoutMs,
    });
    if (launch.kind === 'answers') {
      // Where the program is a wrapper, the server is its child: the process table knows.
      const [found] = await findServerProcesses(files.database);
      const started = found ?? { pid: launch.pid, parent: process.pid, ip: SERVER_IP, port, uiPort, ours: true };
      const keep = before?.keep ?? false;
      writeRecord(files.record, { pid: started.pid, port, uiPort, keep, program, startedAt: new Date().toISOString() });
      return started;
    }
    if (attempt === PORT_RACES_MAX || options.port !== undefined) throw new HoldfastError('HF_PORT_TAKEN', { port });
  }
}

/** The ports that the home's server had before, so that workers which still run find it again; else what is free. */
async function choosePorts(
  options: StartOptions,
  before: ServerRecord | null,
): Promise<{ readonly port: number; readonly uiPort: number }> {
  const usual = homePort(options.home);
  if (before !== null && options.port === undefined) await becomesFree(before.port, DEAD_PORT_TIMEOUT_MS);
  const usualUi = before?.uiPort ?? usual + 1;
  const port =
    options.port ??
    (await chooseFreePort({
      preferred: before === null ? [usual] : [before.port, usual],
      from: usual + 2,
      except: [options.uiPort ?? usualUi],
    }));
  const uiPort = options.uiPort ?? (await chooseFreePort({ preferred: [usualUi], from: usual + 3, except: [port] }));
  return { port, uiPort };
}
