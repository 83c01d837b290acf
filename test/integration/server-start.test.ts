import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import { ensureServer, serverStatus, startServer, stopServer } from '../../server/embedded.ts';
import { serverFiles } from '../../server/home.ts';
import { isPortFree } from '../../server/ports.ts';
import { findProgram } from '../../server/program.ts';
import { readRecord, writeRecord } from '../../server/record.ts';
import { cleanUp, killServer, newHome, serverPids, startStarter, until } from './embedded-server-fixture.ts';

afterEach(cleanUp);

describe('finding the embedded server again', () => {
  test('the next call finds the server that runs, and starts none', async () => {
    const home = newHome();
    const first = await ensureServer({ home, use: 'run' });
    const second = await ensureServer({ home, use: 'run' });
    expect(first.started).toBe(true);
    expect(second).toMatchObject({
      started: false,
      pid: first.pid,
      address: first.address,
      ui: first.ui,
      file: first.file,
    });
    expect(await serverPids(home)).toEqual([first.pid]);
  });

  test('two processes that start at once get one server', async () => {
    const home = newHome();
    const results = await Promise.all(
      [startStarter(home), startStarter(home), startStarter(home)].map((starter) => starter.result),
    );
    expect(new Set(results.map((result) => result.pid)).size).toBe(1);
    expect(results.filter((result) => result.started)).toHaveLength(1);
    expect(await serverPids(home)).toHaveLength(1);
  });

  test('a killed server is started again on its port, with its workflows', async () => {
    const home = newHome();
    const before = await ensureServer({ home, use: 'run' });
    await withClient(before.address, (client) =>
      client.workflow.start('waits', { taskQueue: 'nobody', workflowId: 'survivor' }),
    );
    await killServer(home);
    const after = await ensureServer({ home, use: 'run' });
    expect(after).toMatchObject({ started: true, address: before.address, ui: before.ui });
    expect(after.pid).not.toBe(before.pid);
    const status = await withClient(
      after.address,
      async (client) => (await client.workflow.getHandle('survivor').describe()).status.name,
    );
    expect(status).toBe('RUNNING');
  });

  test('a server that lost its record is found by its database file', async () => {
    const home = newHome();
    const before = await ensureServer({ home, use: 'run' });
    rmSync(serverFiles(home).record);
    const after = await ensureServer({ home, use: 'run' });
    expect(after).toMatchObject({ started: false, pid: before.pid, address: before.address });
    expect(readRecord(serverFiles(home).record)).toMatchObject({ pid: before.pid });
  });

  test('a server that was killed together with who started it is found again', async () => {
    const home = newHome();
    const starter = startStarter(home);
    const { pid } = await starter.result;
    starter.child.kill('SIGKILL');
    expect(await ensureServer({ home, use: 'run' })).toMatchObject({ started: false, pid });
  });

  test('a server whose database file was deleted under it is replaced', async () => {
    const home = newHome();
    const before = await ensureServer({ home, use: 'run' });
    rmSync(before.file);
    const after = await ensureServer({ home, use: 'run' });
    expect(after.started).toBe(true);
    expect(await serverPids(home)).toEqual([after.pid]);
    expect(existsSync(after.file)).toBe(true);
  });
});

describe('a record that is not true', () => {
  test.each([
    ['garbage', 'not { JSON'],
    ['empty', ''],
    ['of another shape', '{"pid":"me"}'],
  ])('a record that is %s is replaced', async (_, text) => {
    const home = newHome();
    writeFileSync(serverFiles(home).record, text);
    const server = await ensureServer({ home, use: 'run' });
    expect(server.started).toBe(true);
    expect(readRecord(serverFiles(home).record)).toMatchObject({ pid: server.pid, keep: false });
  });

  test("a record whose process id is another program's by now is replaced, and that program left alone", async () => {
    const home = newHome();
    writeRecord(serverFiles(home).record, {
      pid: process.pid,
      port: 17_001,
      uiPort: 17_002,
      keep: false,
      program: '',
      startedAt: new Date(0).toISOString(),
    });
    expect(await serverStatus({ home })).toMatchObject({ running: false, address: null, pid: null });
    const server = await ensureServer({ home, use: 'run' });
    expect(server.started).toBe(true);
    expect(server.pid).not.toBe(process.pid);
    expect(server.address).toBe('127.0.0.1:17001');
  });
});

describe('a server that does not answer', () => {
  test('a suspended server is reported with its process id, and no second one is started', async () => {
    const home = newHome();
    const { pid } = await ensureServer({ home, use: 'run' });
    process.kill(pid, 'SIGSTOP');
    const limits = { answerTimeoutMs: 1_500 };
    await expect(ensureServer({ home, use: 'run', limits })).rejects.toMatchObject({
      code: 'HF_SERVER_STUCK',
      fields: { pid },
    });
    expect(await serverPids(home)).toEqual([pid]);
    expect(await serverStatus({ home })).toMatchObject({ running: true, answering: false, pid });
    process.kill(pid, 'SIGCONT');
    expect(await ensureServer({ home, use: 'run' })).toMatchObject({ started: false, pid });
  });

  test('a suspended server can be stopped', async () => {
    const home = newHome();
    const { pid } = await startServer({ home });
    process.kill(pid, 'SIGSTOP');
    expect(await stopServer({ home })).toMatchObject({ stopped: true, pid });
    expect(await serverPids(home)).toEqual([]);
  });

  test('a database file that is none is named, with what the server wrote', async () => {
    const home = newHome();
    writeFileSync(
      serverFiles(home).database,
      'this is not a database, and long enough to be taken for one'.repeat(100),
    );
    const failed = ensureServer({ home, use: 'run' });
    await expect(failed).rejects.toMatchObject({ code: 'HF_SERVER_START' });
    await expect(failed).rejects.toThrow(/not a database[\s\S]*server\.log/);
  });

  test('a file that a hidden server has open is refused', async () => {
    const home = newHome();
    const { DatabaseSync } = await import('node:sqlite');
    const hidden = new DatabaseSync(serverFiles(home).database);
    hidden.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (a)');
    const failed = ensureServer({ home, use: 'run', limits: { answerTimeoutMs: 300 } });
    await expect(failed).rejects.toMatchObject({ code: 'HF_SERVER_FILE_IN_USE' });
    hidden.close();
    expect(await serverPids(home)).toEqual([]);
  });
});

test('where the program is a wrapper, the server behind it is the one that counts', async () => {
  const home = newHome();
  const wrapper = `${home}/temporal`;
  writeFileSync(wrapper, `#!/bin/sh\n"${(await findProgram('temporal')).path}" "$@"\n`, { mode: 0o755 });
  const env = { ...process.env, HOLDFAST_TEMPORAL_CLI: wrapper };
  const server = await ensureServer({ home, use: 'run', env });
  process.kill(server.pid, 'SIGKILL');
  await until(async () => (await serverPids(home)).length === 0);
  const again = await ensureServer({ home, use: 'run', env });
  expect(again.started).toBe(true);
  await server.release();
  expect(await again.release()).toEqual({ stopped: true });
  expect(await serverPids(home)).toEqual([]);
});

test('a system without /proc finds the server through ps, also in a directory with a space in its name', async () => {
  const home = newHome('of two words');
  const program = await findProgram('temporal');
  const platform = process.platform;
  Object.defineProperty(process, 'platform', { value: 'darwin' });
  try {
    const server = await ensureServer({
      home,
      use: 'run',
      env: { ...process.env, HOLDFAST_TEMPORAL_CLI: program.path },
    });
    expect(await ensureServer({ home, use: 'run' })).toMatchObject({ started: false, pid: server.pid, ui: server.ui });
    expect(await stopServer({ home })).toMatchObject({ stopped: true, pid: server.pid });
  } finally {
    Object.defineProperty(process, 'platform', { value: platform });
  }
});

describe('ports', () => {
  test('a port that was asked for and is taken is refused by its number', async () => {
    const home = newHome();
    const other = await listen(0);
    const port = other.port;
    await expect(startServer({ home, port })).rejects.toMatchObject({ code: 'HF_PORT_TAKEN', fields: { port } });
    expect(await serverPids(home)).toEqual([]);
    await other[Symbol.asyncDispose]();
    expect((await startServer({ home, port })).address).toBe(`127.0.0.1:${port}`);
  });

  test('a remembered port that is taken by now is left to its new owner', async () => {
    const home = newHome();
    const before = await ensureServer({ home, use: 'run' });
    await killServer(home);
    const port = Number(before.address.split(':')[1]);
    await until(() => isPortFree(port));
    await using _other = await listen(port);
    const after = await ensureServer({ home, use: 'run' });
    expect(after.started).toBe(true);
    expect(after.address).not.toBe(before.address);
  });
});

describe('apart from the terminal', () => {
  test('an interrupt and a hangup of the whole process group do not reach the server', async () => {
    const home = newHome();
    const starter = startStarter(home);
    const { pid = 0 } = await starter.result;
    const gone = new Promise((resolve) => starter.child.once('exit', resolve));
    process.kill(-starter.pid, 'SIGINT');
    await gone;
    expect(await serverPids(home)).toEqual([pid]);
    expect(await serverStatus({ home })).toMatchObject({ running: true, answering: true });
  });

  test('the server does not see the Temporal settings of who started it', async () => {
    const home = newHome();
    const { pid } = await ensureServer({
      home,
      use: 'run',
      env: { ...process.env, TEMPORAL_ADDRESS: 'cloud:7233', TEMPORAL_API_KEY: 's' },
    });
    if (process.platform === 'linux')
      expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).not.toMatch(/TEMPORAL_(ADDRESS|API_KEY)/);
  });
});

test('status starts nothing and makes no file', async () => {
  const home = newHome('not-there');
  const file = serverFiles(home).database;
  expect(await serverStatus({ home })).toEqual({
    running: false,
    address: null,
    pid: null,
    ui: null,
    file,
    answering: false,
  });
  expect(existsSync(home)).toBe(false);
});

/** Another program's port. Unref'd: a test that failed must not hang the run. */
async function listen(port: number): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer().listen(port, '127.0.0.1').unref();
  await until(() => server.listening);
  const close = () => new Promise<void>((resolve) => void server.close(() => resolve()));
  return { port: (server.address() as { port: number }).port, [Symbol.asyncDispose]: close };
}

async function withClient<T>(address: string, work: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address });
  try {
    return await work(new Client({ connection }));
  } finally {
    await connection.close();
  }
}
