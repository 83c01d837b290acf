import { accessSync, chmodSync, constants, lstatSync, mkdirSync, mkdtempSync } from 'node:fs';
import { homedir, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { PROGRAMS, type ProgramKind } from './program-pins.ts';

/** A directory for programs, and a note where it is not the usual one. */
export interface CacheDirectory {
  readonly path: string;
  readonly note?: string;
}

/** The user's cache (`XDG_CACHE_HOME`, `~/Library/Caches`, `~/.cache`); a temporary one where it cannot be written. */
export function openCache(env: NodeJS.ProcessEnv): CacheDirectory {
  const path = usualCache(env);
  const problem = tryDirectory(path);
  if (problem === undefined) return { path };
  const note = `${path} cannot be written (${problem}), so the program is kept in a temporary directory`;
  const shared = join(tmpdir(), `holdfast-${userInfo().username}`);
  if (isOurs(shared)) return { path: shared, note };
  return { path: mkdtempSync(join(tmpdir(), 'holdfast-')), note };
}

/** Where a pinned program stands once it is fetched. The version is in the name: another pin, another file. */
export function cachedProgram(cache: string, kind: ProgramKind): string {
  const { program, wheel } = PROGRAMS[kind];
  return join(cache, `${program}-${wheel.version}-${process.platform}-${process.arch}`);
}

export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return lstatSync(file).isDirectory() === false;
  } catch {
    return false;
  }
}

function usualCache(env: NodeJS.ProcessEnv): string {
  const home = env.HOME ?? homedir();
  if (env.XDG_CACHE_HOME) return join(env.XDG_CACHE_HOME, 'holdfast');
  return process.platform === 'darwin' ? join(home, 'Library', 'Caches', 'holdfast') : join(home, '.cache', 'holdfast');
}

function tryDirectory(path: string): string | undefined {
  try {
    mkdirSync(path, { recursive: true });
    accessSync(path, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

/** Whether the directory is this user's alone: in a shared one somebody else could lay a program for us to run. */
function isOurs(path: string): boolean {
  try {
    mkdirSync(path, { mode: 0o700, recursive: true });
    const entry = lstatSync(path);
    if (!entry.isDirectory() || (process.getuid !== undefined && entry.uid !== process.getuid())) return false;
    chmodSync(path, 0o700);
    return true;
  } catch {
    return false;
  }
}
