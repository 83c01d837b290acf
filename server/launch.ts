import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { HoldfastError } from '../definitions/errors.ts';
import { answers } from './answer.ts';
import type { ServerFiles } from './home.ts';
import { SERVER_IP } from './ports.ts';
import { MARK } from './process-table.ts';

/**
 * Against the server's own settings: 70 workflow starts a second become 250 on two cores. A kill loses nothing; a power
 * cut may take the last moments of workflow state, which the ledger makes good. `database-guard.ts` rests on WAL, too.
 */
const DATABASE_SETTINGS = [...MARK, '--sqlite-pragma', 'synchronous=normal'];
const LOG_BYTES_MAX = 4 << 20;
const LOG_LINES_SHOWN = 8;
const POLL_MS = 25;

export interface LaunchOptions {
  readonly program: string;
  readonly files: ServerFiles;
  /** Its working directory, which it keeps busy as long as it runs. */
  readonly directory: string;
  readonly port: number;
  readonly uiPort: number;
  readonly namespace: string;
  readonly env: NodeJS.ProcessEnv;
  readonly timeoutMs: number;
}

export type Launch =
  | { readonly kind: 'answers'; readonly pid: number }
  /** Somebody took a port between its choice and the start. */
  | { readonly kind: 'port taken' };

/**
 * Starts the server in a session of its own, so that neither Ctrl-C nor a closed terminal reaches it, and waits until
 * it answers. Call it under the server's lock.
 *
 * @throws HF_SERVER_START when it ends, or does not answer in time; it is ended then.
 */
export async function launchServer(options: LaunchOptions): Promise<Launch> {
  const { files, port, program, timeoutMs } = options;
  turnLogOver(files.log);
  const logStart = sizeOf(files.log);
  const child = startChild(options);
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline) {
    const end = child.end();
    if (end !== null) {
      const lines = logLines(files.log, logStart);
      if (/address already in use/i.test(lines)) return { kind: 'port taken' };
      throw new HoldfastError('HF_SERVER_START', {
        reason: `it ended with ${end}${quote(lines)}`,
        program,
        log: files.log,
      });
    }
    if (
      child.pid !== undefined &&
      (await answers(`${SERVER_IP}:${port}`, options.namespace, 1_000)) &&
      child.end() === null
    ) {
      child.letGo();
      return { kind: 'answers', pid: child.pid };
    }
    await sleep(POLL_MS);
  }
  child.kill();
  const lines = quote(logLines(files.log, logStart));
  throw new HoldfastError('HF_SERVER_START', {
    reason: `it did not answer within ${timeoutMs} ms${lines}`,
    program,
    log: files.log,
  });
}

function startChild({ program, files, directory, port, uiPort, namespace, env }: LaunchOptions) {
  const args = ['server', 'start-dev', '--db-filename', files.database, '--ip', SERVER_IP];
  args.push('--port', String(port), '--ui-port', String(uiPort), '--namespace', namespace, ...DATABASE_SETTINGS);
  const log = openSync(files.log, 'a');
  let end: string | null = null;
  try {
    const child = spawn(program, args, {
      cwd: directory,
      env: cleanEnv(env),
      detached: true,
      stdio: ['ignore', log, log],
    });
    child.once('error', (error) => {
      end = error.message;
    });
    child.once('exit', (code, signal) => {
      end = signal ?? `exit code ${code}`;
    });
    return { pid: child.pid, end: () => end, kill: () => child.kill('SIGKILL'), letGo: () => child.unref() };
  } finally {
    closeSync(log);
  }
}

/** Nothing of the user's Temporal settings may reach a server that is not theirs. */
function cleanEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = [
    'PATH',
    'HOME',
    'USER',
    'LOGNAME',
    'TMPDIR',
    'TEMP',
    'TMP',
    'TZ',
    'LANG',
    'LC_ALL',
    'XDG_CONFIG_HOME',
    'SystemRoot',
  ];
  const entries = kept.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]]));
  return { ...Object.fromEntries(entries), TEMPORAL_VERSION_CHECK_DISABLED: '1' };
}

function turnLogOver(file: string): void {
  if (sizeOf(file) > LOG_BYTES_MAX) renameSync(file, `${file}.1`);
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** What the server wrote to its log since it was started. */
function logLines(file: string, start: number): string {
  const text = readFileSync(file).subarray(start).toString('utf8').trimEnd();
  return text.split('\n').slice(-LOG_LINES_SHOWN).join('\n');
}

function quote(lines: string): string {
  return lines === '' ? '' : `, and wrote:\n${lines}\n`;
}
