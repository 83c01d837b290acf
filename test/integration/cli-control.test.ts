import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { cancelling, keys, numbered, type Project, Site } from './harness.ts';
import { until } from './running-command.ts';
import { holding, project, site, useServedSite } from './served-site.ts';

useServedSite('steer');

describe('with no worker running every command answers (invariant 10)', () => {
  let here: Project;

  beforeAll(async () => {
    here = holding(6);
    await here.runAndKill(5);
  });

  test('status answers right after kill -9, and says that none runs (invariant 10)', async () => {
    const { code, stdout } = await here.cli('status', here.name);
    expect(code).toBe(0);
    expect(stdout).toMatch(/: running \(/);
    expect(stdout).toContain('5 of 10 applied');
    expect(stdout).toContain('no worker runs for it');
    const json = await here.cli('status', here.name, '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ state: 'running', items: { applied: 5 } });
    expect(json.stderr).toContain('no worker runs for it');
  });

  test('pause, set and resume are written down for the next worker', async () => {
    expect(await here.json('pause', here.name)).toMatchObject({ state: 'paused' });
    expect(await here.json('set', here.name, '--concurrency', '2', '--rate', '50')).toMatchObject({ state: 'paused' });
    const { stdout } = await here.cli('status', here.name);
    expect(stdout).toContain('concurrency 2, at most 50/s calls');
    expect(await here.json('resume', here.name)).toMatchObject({ state: 'running' });
    expect((await here.cli('set', here.name, '--rate', 'none')).stderr).toContain('no worker runs for it');
    expect((await here.cli('status', here.name)).stdout).toContain('no limit of calls');
  });

  test('list shows it', async () => {
    expect(await here.json('list')).toEqual(
      expect.arrayContaining([expect.objectContaining({ jobId: here.name, state: 'running' })]),
    );
    expect((await here.cli('list')).stdout).toMatch(new RegExp(`${here.name}\\s+${here.name}\\s+1\\s+running`));
  });

  test('cancel ends it in the ledger at once, and again changes nothing (invariant 10)', async () => {
    const began = Date.now();
    expect(await here.json('cancel', here.name)).toMatchObject({ state: 'cancelled', items: { applied: 5 } });
    expect(Date.now() - began).toBeLessThan(10_000);
    expect((await here.cli('cancel', here.name)).code).toBe(0);
    const pause = await here.cli('pause', here.name);
    expect(pause.code).toBe(2);
    expect(pause.stderr).toContain('HF_JOB_ENDED');
  });
});

test('a job that was started and that no worker has opened yet is known, and can be cancelled (invariant 10)', async () => {
  const here = holding(1);
  expect(await here.json('start', 'job.ts')).toEqual({ jobId: here.name, job: here.name, attached: false });
  expect((await here.cli('status', here.name)).stdout).toContain('no worker runs for it');
  expect(await here.json('cancel', here.name)).toMatchObject({ state: 'cancelled' });
  expect((await here.cli('status', here.name)).code).toBe(2);
});

describe('with no server running', () => {
  test('status, list, pause and cancel answer from the ledger (invariant 10)', async () => {
    const offline = new Site();
    try {
      const here = offline.project('offline');
      here.items(numbered(10, { hold: 6 }));
      here.job();
      await here.runAndKill(5);
      expect((await here.cli('server', 'stop')).code).toBe(0);
      expect(await here.json('status', here.name)).toMatchObject({ state: 'running' });
      expect(await here.json('list')).toHaveLength(1);
      expect(await here.json('pause', here.name)).toMatchObject({ state: 'paused' });
      expect(await here.json('cancel', here.name)).toMatchObject({ state: 'cancelled' });
    } finally {
      await offline.remove();
    }
  });
});

describe('with a worker running', () => {
  test('pause stops new items, resume goes on, set takes effect', async () => {
    const here = project();
    here.items(numbered(400));
    here.job({ body: 'await sleep(20); return { v: 1 };', options: 'ratePerSecond: 20,' });
    const run = here.start('run', 'job.ts', '--json');
    await here.applies(3);
    expect((await here.cli('pause', here.name)).code).toBe(0);
    await run.says('paused; it goes on with');
    const before = await settled(here);
    expect(await settled(here)).toBe(before);
    expect((await here.cli('status', here.name)).stdout).toContain('1 process');
    expect((await here.cli('set', here.name, '--concurrency', '50', '--rate', 'none')).code).toBe(0);
    expect((await here.cli('resume', here.name)).code).toBe(0);
    const { code, stdout } = await run.ended;
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ state: 'complete', items: { applied: 400 } });
  });

  test('watch shows the job to its end, and exits as it does', async () => {
    const here = holding(6);
    const run = here.start('run', 'job.ts');
    await here.applies(5);
    const watch = here.start('watch', here.name, '--json');
    here.write('go', '');
    const [ran, watched] = await Promise.all([run.ended, watch.ended]);
    expect([ran.code, watched.code]).toEqual([0, 0]);
    expect(JSON.parse(watched.stdout)).toMatchObject({ state: 'complete', items: { applied: 10 } });
  });

  test('start leaves the job to a worker, whose crashed process is started again', async () => {
    const here = holding(6);
    const started = await here.cli('start', 'job.ts');
    expect(started).toMatchObject({ code: 0, stdout: `${here.name}\n` });
    expect(await here.json('status', here.name)).toMatchObject({ state: 'running', items: { applied: 0 } });
    const worker = here.start('worker', 'job.ts', '--processes', '2');
    await here.applies(5);
    for (const pid of childrenOf(worker.process.pid as number)) process.kill(pid, 'SIGKILL');
    await worker.says('ended by SIGKILL; starting it again');
    here.write('go', '');
    await here.applies(10);
    await until('it is complete', async () => (await here.progress())?.state === 'complete');
    expect(await worker.end('SIGTERM')).toMatchObject({ code: 130 });
    expect(here.landed()).toHaveLength(10);
  });

  test('cancel ends it in order, and run exits 1', async () => {
    const here = project();
    here.items(numbered(20, { hold: 1 }));
    here.job();
    const run = here.start('run', 'job.ts', '--json');
    await until('items are in flight', () => here.calls().length >= 5);
    const cancel = here.start('cancel', here.name, '--json');
    await until('the worker has seen it', () => cancelling(here));
    here.write('go', '');
    expect(JSON.parse((await cancel.ended).stdout)).toMatchObject({ state: 'cancelled', items: { applied: 5 } });
    const { code, stdout } = await run.ended;
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ state: 'cancelled', items: { applied: 5 } });
  });
});

describe('failures', () => {
  let here: Project;
  const bad = ['k2', 'k4'];

  beforeAll(async () => {
    here = project();
    here.items(numbered(6, { fail: [2, 4] }));
    here.job({ sink: null });
    expect((await here.run()).code).toBe(3);
  });

  test('are listed with place, attempts and error, and written to a file with their input', async () => {
    const { stdout } = await here.cli('failures', here.name);
    expect(stdout.trim().split('\n')[0]).toBe('k2  in.jsonl:2  failed, 1 attempt: the item is bad');
    const listed = (await here.json('failures', here.name)) as { readonly key: string; readonly attempts: number }[];
    expect(listed.map(({ key }) => key)).toEqual(bad);
    expect(listed[0]).toMatchObject({
      attempts: 1,
      error: { message: 'the item is bad' },
      input: { id: 'k2' },
      place: { line: 2 },
    });
    expect((await here.cli('failures', here.name, '--out', 'bad.jsonl')).code).toBe(0);
    const lines = here.read('bad.jsonl').trim().split('\n');
    expect(lines.map((line) => JSON.parse(line).input.id)).toEqual(bad);
  });

  test('results are JSON Lines in source order; one document with --json', async () => {
    const { stdout } = await here.cli('results', here.name);
    expect(stdout.trim().split('\n')[0]).toBe('{"key":"k1","result":{"v":0}}');
    const all = (await here.json('results', here.name)) as { readonly key: string }[];
    expect(all.map(({ key }) => key)).toEqual(['k1', 'k3', 'k5', 'k6']);
  });

  test('redrive sends the named one through again, then all', async () => {
    here.write('mended', '');
    expect(await here.json('redrive', here.name, '--key', 'k2')).toMatchObject({ items: 1 });
    const first = await here.run();
    expect(first.code).toBe(3);
    expect(first.summary).toMatchObject({
      state: 'partial',
      items: { applied: 5, quarantined: 1 },
      thisRun: { applied: 1 },
    });
    expect(await here.json('redrive', here.name)).toMatchObject({ items: 1 });
    const last = await here.run();
    expect(last.code).toBe(0);
    expect(last.summary).toMatchObject({ state: 'complete', items: { applied: 6, quarantined: 0 } });
    expect(await here.json('redrive', here.name)).toMatchObject({ items: 0 });
    expect(here.calls().slice(6)).toEqual(bad);
  });

  test('a job that writes to a table says where its results are', async () => {
    const table = project();
    table.items(numbered(1));
    table.job();
    await table.run();
    const { code, stderr } = await table.cli('results', table.name);
    expect(code).toBe(2);
    expect(stderr).toMatch(/table landed in sqlite:out\.db.*HF_RESULTS_ELSEWHERE/);
  });
});

describe('signals', () => {
  test('SIGINT lets items in flight finish, exits 130, and the job continues', async () => {
    const here = holding(6);
    const run = here.start('run', 'job.ts', '--json');
    await here.applies(5);
    run.process.kill('SIGINT');
    await run.says('stopping');
    here.write('go', '');
    const { code, stdout, stderr } = await run.ended;
    expect(code).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({ state: 'running' });
    expect(stderr).toContain('holdfast run job.ts');
    const next = await here.run();
    expect(next.summary).toMatchObject({ state: 'complete', items: { applied: 10 } });
    expect([...here.calls()].sort()).toEqual([...keys(10)].sort());
  });

  test('a second SIGINT leaves at once', async () => {
    const here = holding(6);
    const run = here.start('run', 'job.ts');
    await here.applies(5);
    run.process.kill('SIGINT');
    await run.says('stopping');
    const began = Date.now();
    expect(await run.end('SIGINT')).toMatchObject({ code: 130 });
    expect(Date.now() - began).toBeLessThan(5_000);
  });

  test('a server that is killed in the middle is started again, and the run goes on', async () => {
    const here = holding(6);
    const run = here.start('run', 'job.ts', '--json');
    await here.applies(5);
    process.kill((await site.serverPid()) as number, 'SIGKILL');
    await run.says('starting it again');
    here.write('go', '');
    const { code, stdout } = await run.ended;
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ state: 'complete', items: { applied: 10 } });
    expect(here.landed()).toHaveLength(10);
  });
});

/** What has landed once nothing more lands. */
async function settled(here: Project): Promise<number> {
  let before = -1;
  let now = 0;
  await until('nothing more lands', async () => {
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 600));
    now = (await here.progress())?.items.applied ?? 0;
    return now === before;
  });
  return now;
}

function childrenOf(pid: number): readonly number[] {
  return readFileSync(join('/proc', String(pid), 'task', String(pid), 'children'), 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number);
}
