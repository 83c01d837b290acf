import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { HoldfastClient } from '../../client/index.ts';
import { serverStatus } from '../../server/embedded.ts';
import { Site } from './harness.ts';

const FILE = `import { appendFileSync } from 'node:fs';
import { defineJob, defineTask, items } from 'holdfast';
export const add = defineTask({
  name: 'add',
  run: ({ x, y }: { x: number; y: number }) => {
    appendFileSync('calls.log', x + ' ' + y + '\\n');
    return x + y;
  },
  memoize: {},
});
export default defineJob({ name: 'beside', source: items([{ n: 1 }]), key: ({ n }) => n, run: ({ n }) => add({ x: n, y: n }) });
`;

const DYING = `import { existsSync, writeFileSync } from 'node:fs';
import { defineTask } from 'holdfast';
export const dies = defineTask({
  name: 'dies',
  retry: { attempts: 1 },
  run: (_: null, ctx) => {
    if (!existsSync('died')) {
      writeFileSync('died', '');
      process.kill(process.pid, 'SIGKILL');
    }
    return 'alive on attempt ' + ctx.attempt;
  },
});
`;

let site: Site;

beforeAll(() => {
  site = new Site();
});

afterAll(() => site.remove());

describe('holdfast worker', () => {
  test('serves the tasks that a file exports beside its jobs, and what one computed the other takes', async () => {
    const project = site.project('tasks');
    project.write('tasks.ts', FILE);
    const worker = project.start('worker', 'tasks.ts');
    await worker.says('for beside, task add');
    const { address } = await serverStatus({ home: site.home });
    await using client = new HoldfastClient({ address: String(address), home: site.home });
    expect(await client.runTask('add', { x: 1, y: 1 })).toBe(2);
    expect((await (await client.start('beside')).result()).state).toBe('complete');
    expect(project.read('calls.log')).toBe('1 1\n');
    await worker.end('SIGTERM');
  });

  test('a process that dies with a task is started again, and the task goes on at once, with all its tries', async () => {
    const project = site.project('dying');
    project.write('tasks.ts', DYING);
    const worker = project.start('worker', 'tasks.ts');
    await worker.says('for task dies');
    const { address } = await serverStatus({ home: site.home });
    await using client = new HoldfastClient({ address: String(address), home: site.home });
    expect(await client.runTask('dies', null)).toBe('alive on attempt 1');
    await worker.says('ended by SIGKILL');
    await worker.end('SIGTERM');
  });

  test('refuses a file with nothing to serve', async () => {
    const project = site.project('empty');
    project.write('none.ts', 'export const nothing = 1;');
    expect(await project.cli('worker', 'none.ts')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('exports no job'),
    });
  });
});
