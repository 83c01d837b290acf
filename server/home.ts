import { existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { HoldfastError } from '../definitions/errors.ts';

/** The files that Holdfast keeps in its home for the embedded server. */
export interface ServerFiles {
  /** The server's database: every workflow is in it. */
  readonly database: string;
  readonly record: string;
  readonly lock: string;
  readonly log: string;
  /** One locked file for each process that uses the server. */
  readonly users: string;
}

export interface HomeOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Where embedded files are kept: `HOLDFAST_HOME`, else `.holdfast/` beside the nearest package.json at or above the
 * working directory, else in the working directory. Creates nothing.
 */
export function findHome({ cwd = process.cwd(), env = process.env }: HomeOptions = {}): string {
  if (env.HOLDFAST_HOME) return realPath(resolve(cwd, env.HOLDFAST_HOME));
  for (let directory = cwd; ; directory = dirname(directory)) {
    if (existsSync(join(directory, 'package.json'))) return realPath(join(directory, '.holdfast'));
    if (directory === dirname(directory)) return realPath(join(cwd, '.holdfast'));
  }
}

/**
 * Makes the home, with a `.gitignore` that keeps all of it out of git, and gives its real path: two names of one
 * directory must not become two servers.
 *
 * @throws HF_HOME_UNWRITABLE
 */
export function createHome(home: string): string {
  try {
    const created = makeDirectories(home);
    // A directory that the user named and already had may hold files that belong in git.
    if (created || basename(home) === '.holdfast') writeIgnore(join(home, '.gitignore'));
    return realpathSync(home);
  } catch (cause) {
    throw new HoldfastError('HF_HOME_UNWRITABLE', { home, reason: (cause as Error).message }, { cause });
  }
}

/** One by one, because a recursive mkdir goes round for ever where the kernel makes the directories (/proc). Whether any was made. */
function makeDirectories(path: string): boolean {
  if (existsSync(path)) return false;
  makeDirectories(dirname(path));
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    // Another command that started at the same moment was first.
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

export function serverFiles(home: string): ServerFiles {
  return {
    database: join(home, 'temporal.db'),
    record: join(home, 'server.json'),
    lock: join(home, 'server.lock'),
    log: join(home, 'server.log'),
    users: join(home, 'server-users'),
  };
}

function writeIgnore(file: string): void {
  if (!existsSync(file)) writeFileSync(file, '*\n');
}

/** The real path of the part that exists, so that the name stays the same once the rest is made. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realPath(parent), basename(path));
  }
}
