import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { bundle, PluggedSite } from '../integration/plugged-site.ts';
import type { Fate, TaskWorkerSettings } from '../integration/programs/task-worker.ts';

const root = join(import.meta.dirname, '../..');
let site: PluggedSite;
let codePath: string;
let taskQueue: string;
const processes = new Set<ChildProcess>();

beforeAll(async () => {
  site = await PluggedSite.create();
  codePath = join(site.directory, 'bundle.js');
  writeFileSync(codePath, (await bundle('task-flows.ts')).code);
});

afterEach(async () => {
  for (const child of processes) {
    child.kill('SIGKILL');
    await exitOf(child);
  }
});

afterAll(() => site.remove());

function exitOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once('exit', () => resolve());
  });
}

/** A worker process that is started again whenever it dies. */
function keepWorking(): void {
  const { server, home, directory } = site;
  const settings: TaskWorkerSettings = { address: server.address, home, directory, taskQueue, codePath };
  const child = spawn(
    process.execPath,
    [
      '--no-warnings',
      '--import',
      join(root, 'scripts/source-loader.mjs'),
      join(root, 'test/integration/programs/task-worker.ts'),
    ],
    {
      cwd: root,
      env: { ...process.env, TASK_WORKER: JSON.stringify(settings) },
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  processes.add(child);
  child.once('exit', (_, signal) => {
    processes.delete(child);
    if (signal === 'SIGKILL' && working) keepWorking();
  });
}

let working = false;

async function withWorkers<T>(work: () => Promise<T>): Promise<T> {
  taskQueue = site.newName('crashes');
  working = true;
  keepWorking();
  try {
    return await work();
  } finally {
    working = false;
  }
}

function notes(id: string): string[] {
  const lines = readFileSync(join(site.directory, 'notes.log'), 'utf8').split('\n');
  return lines.filter((line) => line.startsWith(`${id} `)).map((line) => line.slice(id.length + 1));
}

function payments(id: string): number {
  const database = new DatabaseSync(join(site.directory, 'shop.db'), { readOnly: true });
  try {
    return Number(database.prepare('SELECT count(*) AS n FROM payment WHERE id = ?').get(id)?.['n']);
  } finally {
    database.close();
  }
}

describe('a task in a workflow whose process is killed', () => {
  test.each(['nowhere', 'in-function', 'after-step', 'in-transaction', 'after-transaction'] as const)(
    '%s: its transaction is made once, and a crash uses up no try (invariant 1)',
    async (die) => {
      const fate: Fate = { id: `paid-${die}`, die };
      const began = Date.now();
      const found = await withWorkers(() => site.execute('taskFlow', { taskQueue, args: ['pay', fate] }));
      // It failed once of the two times that it may: a crash that counted would have ended it.
      expect(found).toEqual({ same: true, date: 5, attempt: 2 });
      expect(payments(fate.id)).toBe(1);
      const written = notes(fate.id);
      expect(written.filter((note) => note === 'step')).toHaveLength(1);
      expect(written.filter((note) => note === 'transaction')).toHaveLength(die === 'in-transaction' ? 2 : 1);
      // Taken over by the next process, long before the heartbeat timeout.
      expect(Date.now() - began).toBeLessThan(25_000);
    },
  );

  test('nothing of its recorded steps is left when it is done', async () => {
    const database = new DatabaseSync(site.store, { readOnly: true });
    expect(database.prepare('SELECT count(*) AS n FROM hf_task_once').get()?.['n']).toBe(0);
    database.close();
  });

  test('what an attempt that timed out still writes is not written again', async () => {
    const id = 'zombie-1';
    const found = await withWorkers(() => site.execute('taskFlow', { taskQueue, args: ['zombie', id] })).catch(
      (error) => error,
    );
    await sleep(1_500);
    expect(payments(id)).toBe(1);
    expect(found).toBeDefined();
  });
});
