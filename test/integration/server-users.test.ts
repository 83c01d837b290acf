import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { afterEach, expect, test } from '@jest/globals';
import { ensureServer, serverStatus, startServer, stopServer } from '../../server/embedded.ts';
import { serverFiles } from '../../server/home.ts';
import { homePort } from '../../server/ports.ts';
import { findProgram } from '../../server/program.ts';
import { watchServer } from '../../server/watch.ts';
import { cleanUp, killServer, newHome, serverPids, startStarter, until } from './embedded-server-fixture.ts';

afterEach(cleanUp);

test('a server that a run started ends with the last run that uses it', async () => {
  const home = newHome();
  const first = startStarter(home);
  const second = startStarter(home);
  const { pid } = await first.result;
  await second.result;
  expect(await first.release()).toEqual({ stopped: false });
  expect(await serverPids(home)).toEqual([pid]);
  expect(await second.release()).toEqual({ stopped: true });
  expect(await serverPids(home)).toEqual([]);
});

test('a user that was killed does not keep the server from ending with the next', async () => {
  const home = newHome();
  const killed = startStarter(home);
  await killed.result;
  const gone = new Promise((resolve) => killed.child.once('exit', resolve));
  killed.child.kill('SIGKILL');
  await gone;
  const server = await ensureServer({ home, use: 'run' });
  expect(server.started).toBe(false);
  expect(await server.release()).toEqual({ stopped: true });
  expect(readdirSync(serverFiles(home).users)).toEqual([]);
});

test('a suspended user still counts as one', async () => {
  const home = newHome();
  const suspended = startStarter(home);
  await suspended.result;
  process.kill(suspended.pid, 'SIGSTOP');
  const server = await ensureServer({ home, use: 'run' });
  expect(await server.release()).toEqual({ stopped: false });
  expect(await serverPids(home)).toEqual([server.pid]);
});

test('releasing twice ends one use', async () => {
  const home = newHome();
  const first = await ensureServer({ home, use: 'run' });
  const second = await ensureServer({ home, use: 'run' });
  await first.release();
  await first.release();
  expect(await serverPids(home)).toEqual([second.pid]);
});

test('a kept server stays when its users leave, until it is stopped', async () => {
  const home = newHome();
  const kept = await startServer({ home });
  const run = await ensureServer({ home, use: 'run' });
  expect(run).toMatchObject({ started: false, pid: kept.pid });
  expect(await run.release()).toEqual({ stopped: false });
  expect(await stopServer({ home })).toEqual({ stopped: true, pid: kept.pid, users: [] });
  expect(await serverPids(home)).toEqual([]);
  expect(await stopServer({ home })).toEqual({ stopped: false, pid: null, users: [] });
});

test('a server that a run started is kept once somebody starts it to stay', async () => {
  const home = newHome();
  const run = await ensureServer({ home, use: 'run' });
  expect(await startServer({ home })).toMatchObject({ started: false, pid: run.pid });
  expect(await run.release()).toEqual({ stopped: false });
  expect(await serverPids(home)).toEqual([run.pid]);
});

test('a kept server is kept again after it was killed', async () => {
  const home = newHome();
  await startServer({ home });
  await killServer(home);
  const run = await ensureServer({ home, use: 'run' });
  expect(run.started).toBe(true);
  expect(await run.release()).toEqual({ stopped: false });
  expect(await serverPids(home)).toEqual([run.pid]);
});

test('a server that a user started by hand on the file is used, and not ended by a run', async () => {
  const home = newHome();
  const { path } = await findProgram('temporal');
  const file = serverFiles(home).database;
  const args = [
    'server',
    'start-dev',
    '-f',
    file,
    '--port',
    String(homePort(home)),
    '--headless',
    '--log-level',
    'error',
  ];
  const child = spawn(path, args, { stdio: 'ignore' });
  await until(async () => (await serverStatus({ home })).answering);
  const server = await ensureServer({ home, use: 'run' });
  expect(server).toMatchObject({ started: false, pid: child.pid, ui: null });
  expect(await server.release()).toEqual({ stopped: false });
  expect(await stopServer({ home })).toMatchObject({ stopped: true, pid: child.pid });
});

test('stopping says which processes were using the server', async () => {
  const home = newHome();
  const user = startStarter(home);
  await user.result;
  expect(await stopServer({ home })).toMatchObject({ stopped: true, users: [user.pid] });
});

test('a watched server that is killed is started again on the same address', async () => {
  const home = newHome();
  const server = await ensureServer({ home, use: 'run' });
  const seen: unknown[] = [];
  await using watch = watchServer(server, {
    intervalMs: 50,
    onGone: (how) => seen.push(how),
    onBack: (next, moved) => seen.push({ address: next.address, moved }),
  });
  await killServer(home);
  await until(() => seen.length === 2);
  expect(seen).toEqual(['ended', { address: server.address, moved: false }]);
  await watch.end();
  expect(await serverPids(home)).toHaveLength(1);
  expect(await server.release()).toEqual({ stopped: true });
});

test('a watched server that somebody stopped is left until somebody starts it', async () => {
  const home = newHome();
  const server = await ensureServer({ home, use: 'run' });
  const seen: string[] = [];
  await using _watch = watchServer(server, {
    intervalMs: 50,
    onGone: (how) => seen.push(how),
    onBack: () => seen.push('back'),
  });
  await stopServer({ home });
  await until(() => seen.length === 1);
  expect(seen).toEqual(['stopped']);
  expect(await serverPids(home)).toEqual([]);
  await startServer({ home });
  await until(() => seen.length === 2);
  expect(seen).toEqual(['stopped', 'back']);
});
