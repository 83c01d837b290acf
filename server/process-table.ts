import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';

/** A running server, as its arguments describe it. */
export interface ServerProcess {
  readonly pid: number;
  readonly parent: number;
  readonly ip: string;
  readonly port: number;
  readonly uiPort: number | null;
  /** Whether Holdfast started it: one that a user started by hand is used, but never ended on its own. */
  readonly ours: boolean;
}

interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly args: readonly string[];
  readonly cwd: string | null;
}

/** The arguments that mark a server as started by Holdfast: nobody writes them by hand in this order. */
export const MARK = ['--log-level', 'warn', '--sqlite-pragma', 'journal_mode=wal'] as const;

/**
 * Every process whose arguments name this database file, children before their parents. It is the process table that
 * answers, not a record: records are lost, and pids come round again.
 */
export async function findServerProcesses(databaseFile: string): Promise<ServerProcess[]> {
  // The server's program does not exist for Windows, so no such process does either.
  if (process.platform === 'win32') return [];
  const entries = process.platform === 'linux' ? readProc() : await readPs();
  const found = entries.filter((entry) => namesFile(entry, databaseFile)).map(describe);
  const parents = new Set(found.map((server) => server.parent));
  return found.sort((a, b) => Number(parents.has(a.pid)) - Number(parents.has(b.pid)));
}

/** Whether the file that the process holds open is the one at this path now; undefined where that cannot be seen. */
export function holdsFile(pid: number, file: string): boolean | undefined {
  const present = statSync(file, { throwIfNoEntry: false });
  if (present === undefined) return false;
  if (process.platform !== 'linux') return undefined;
  try {
    const directory = `/proc/${pid}/fd`;
    let held: boolean | undefined;
    for (const name of readdirSync(directory)) {
      const target = readLink(join(directory, name));
      if (target !== file && target !== `${file} (deleted)`) continue;
      const opened = statSync(join(directory, name));
      if (opened.ino === present.ino && opened.dev === present.dev) return true;
      held = false;
    }
    return held;
  } catch {
    return undefined;
  }
}

function readProc(): ProcessEntry[] {
  const entries: ProcessEntry[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const text = readFileSync(`/proc/${name}/cmdline`, 'utf8');
      if (!text.includes('start-dev')) continue;
      // The name in brackets may itself hold brackets and spaces: what follows the last one is state and parent.
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      entries.push({ pid: Number(name), parent, args: text.split('\0'), cwd: readLink(`/proc/${name}/cwd`) });
    } catch {
      // It ended while it was being looked at.
    }
  }
  return entries;
}

async function readPs(): Promise<ProcessEntry[]> {
  const { stdout } = await promisify(execFile)('ps', ['-axww', '-o', 'pid=,ppid=,args='], { maxBuffer: 64 << 20 });
  return stdout.split('\n').flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(.*start-dev.*)$/.exec(line);
    if (match === null) return [];
    return [{ pid: Number(match[1]), parent: Number(match[2]), args: splitArguments(match[3] ?? ''), cwd: null }];
  });
}

/** `ps` shows arguments joined by spaces: a value is what stands between one option and the next. */
function splitArguments(line: string): string[] {
  return line.split(/ (?=-)/).flatMap((part) => {
    const space = part.startsWith('-') ? part.indexOf(' ') : -1;
    return space < 0 ? part.split(' ') : [part.slice(0, space), part.slice(space + 1)];
  });
}

function namesFile(entry: ProcessEntry, databaseFile: string): boolean {
  if (!entry.args.includes('start-dev')) return false;
  const named = option(entry.args, '--db-filename') ?? option(entry.args, '-f');
  if (named === undefined) return false;
  return named === databaseFile || resolveFrom(entry.cwd, named) === databaseFile;
}

function resolveFrom(cwd: string | null, named: string): string {
  const path = isAbsolute(named) || cwd === null ? named : join(cwd, named);
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function describe({ pid, parent, args }: ProcessEntry): ServerProcess {
  const port = Number(option(args, '--port') ?? option(args, '-p') ?? 7233);
  const uiPort = args.includes('--headless') ? null : Number(option(args, '--ui-port') ?? port + 1000);
  const at = args.indexOf(MARK[0]);
  const ours = at >= 0 && MARK.every((value, index) => args[at + index] === value);
  const bound = option(args, '--ip');
  const ip = bound === undefined || bound === 'localhost' || bound === '0.0.0.0' ? '127.0.0.1' : bound;
  return { pid, parent, ip, port, uiPort, ours };
}

function option(args: readonly string[], name: string): string | undefined {
  const at = args.indexOf(name);
  if (at >= 0) return args[at + 1];
  return args.find((arg) => arg.startsWith(`${name}=`))?.slice(name.length + 1);
}

function readLink(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}
