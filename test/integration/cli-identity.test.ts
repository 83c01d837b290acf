import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Summary } from '../../client/index.ts';
import { cancelling, keys, numbered, Site } from './harness.ts';
import { until } from './running-command.ts';
import { holding, project, site, useServedSite } from './served-site.ts';

useServedSite('job');

describe('a job that is open', () => {
  test('run attaches to it and adds its worker', async () => {
    const here = holding(6);
    const first = here.start('run', 'job.ts', '--json');
    await here.applies(5);
    const second = here.start('run', 'job.ts', '--json');
    await second.says('is open already');
    here.write('go', '');
    const ends = await Promise.all([first.ended, second.ended]);
    expect(ends.map(({ code }) => code)).toEqual([0, 0]);
    for (const { stdout } of ends)
      expect(JSON.parse(stdout)).toMatchObject({ state: 'complete', items: { applied: 10 } });
    expect(here.landed()).toEqual([...keys(10)].sort());
  });

  test('a paused one stays paused, and run says so', async () => {
    const here = holding(6);
    await here.runAndKill(5);
    expect((await here.cli('pause', here.name)).code).toBe(0);
    here.write('go', '');
    const again = here.start('run', 'job.ts', '--json');
    await again.says(`holdfast resume ${here.name}`);
    expect((await here.progress())?.state).toBe('paused');
    expect((await here.cli('resume', here.name)).code).toBe(0);
    const { code, stdout } = await again.ended;
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ state: 'complete', items: { applied: 10 } });
  });
});

describe('a job that stopped short continues: only what is missing runs', () => {
  test('after it was killed', async () => {
    const here = holding(6);
    await here.runAndKill(5);
    here.write('go', '');
    const calls = here.calls().length;
    const { code, summary } = await here.run();
    expect(code).toBe(0);
    expect(summary).toMatchObject({
      state: 'complete',
      items: { read: 10, applied: 10 },
      thisRun: { applied: 5, known: 5 },
    });
    expect([...here.calls().slice(calls)].sort()).toEqual([...keys(10, 6)].sort());
    expect(here.landed()).toHaveLength(10);
  });

  test('after it was cancelled', async () => {
    const here = project();
    here.items(numbered(20, { hold: 6 }));
    here.job();
    const first = here.start('run', 'job.ts', '--json');
    await here.applies(5);
    const cancel = here.start('cancel', here.name);
    await until('the worker has seen it', () => cancelling(here));
    here.write('go', '');
    expect((await cancel.ended).code).toBe(0);
    const cancelled = await first.ended;
    expect(cancelled.code).toBe(1);
    const { state, items } = JSON.parse(cancelled.stdout) as Summary;
    expect(state).toBe('cancelled');
    const { code, summary } = await here.run();
    expect(code).toBe(0);
    expect(summary).toMatchObject({
      state: 'complete',
      generation: 1,
      thisRun: { applied: 20 - items.applied, known: items.applied },
    });
    expect(here.landed()).toHaveLength(20);
  });

  test('after its workflow was terminated from outside', async () => {
    const here = holding(6);
    const first = here.start('run', 'job.ts', '--json');
    await here.applies(5);
    await site.terminate(here.name);
    const terminated = await first.ended;
    expect(terminated.code).toBe(1);
    expect(JSON.parse(terminated.stdout)).toMatchObject({ state: 'cancelled' });
    expect(terminated.stderr).toContain('terminated');
    here.write('go', '');
    const { code, summary } = await here.run();
    expect(code).toBe(0);
    expect(summary).toMatchObject({ state: 'complete', thisRun: { applied: 5, known: 5 } });
  });

  test('after it failed, and its quarantined items are sent through again', async () => {
    const here = project();
    here.items(numbered(8, { fail: [2, 4, 6] }));
    here.job();
    const failed = await here.run();
    expect(failed.code).toBe(1);
    expect(failed.summary).toMatchObject({ state: 'failed', items: { applied: 5, quarantined: 3 } });
    here.write('mended', '');
    const { code, summary } = await here.run();
    expect(code).toBe(0);
    expect(summary).toMatchObject({
      state: 'complete',
      items: { read: 8, applied: 8, quarantined: 0 },
      thisRun: { applied: 3 },
    });
    expect([...here.calls().slice(8)].sort()).toEqual(['k2', 'k4', 'k6']);
  });

  test('with code that was edited meanwhile: finished items stay, the rest run with the new code', async () => {
    const here = holding(6);
    await here.runAndKill(5);
    here.job({ body: "appendFileSync(here + '/new.log', item.id + '\\n'); return { v: 2 };" });
    const { code } = await here.run();
    expect(code).toBe(0);
    expect(here.read('new.log').trim().split('\n').sort()).toEqual([...keys(10, 6)].sort());
    expect(here.landed()).toHaveLength(10);
  });
});

describe('what an id stands for', () => {
  test('without --id it is the name and a short hash of the params, so that other params are another job', async () => {
    const here = project();
    here.items(numbered(2));
    here.items(numbered(3), 'other.jsonl');
    here.job({
      params: "{ file: { type: 'string', default: 'in.jsonl' } }",
      source: 'jsonl<Item>(params.file)',
      sink: null,
    });
    const one = await here.run();
    const other = await here.run('--param', 'file=other.jsonl');
    expect(one.summary.jobId).toMatch(new RegExp(`^${here.name}-[0-9a-f]{12}$`));
    expect(other.summary.jobId).not.toBe(one.summary.jobId);
    expect(other.summary.items.applied).toBe(3);
  });

  test('other params under an explicit id are refused with both named, before anything is started', async () => {
    const here = project();
    here.items(numbered(2));
    here.items(numbered(3), 'other.jsonl');
    here.job({ params: "{ file: 'string' }", source: 'jsonl<Item>(params.file)', sink: null });
    expect((await here.run('--id', `${here.name}-x`, '--param', 'file=in.jsonl')).code).toBe(0);
    const refused = await here.cli('run', 'job.ts', '--id', `${here.name}-x`, '--param', 'file=other.jsonl');
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/HF_PARAMS_DIFFER/);
    expect(refused.stderr).toContain('in.jsonl');
    expect(refused.stderr).toContain('other.jsonl');
  });

  test('a changed sink under an unfinished generation is refused with the choices', async () => {
    const here = holding(6);
    await here.runAndKill(5);
    here.job({
      sink: "sqlTable({ url: 'sqlite:other.db', table: 'landed', key: 'id', row: (item) => ({ id: item.id }) })",
    });
    const refused = await here.cli('run', 'job.ts');
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/out\.db.*other\.db.*--id.*\(HF_SINK_IDENTITY\)/);
  });

  test('a changed source under an unfinished generation is refused with the choices', async () => {
    const here = holding(6);
    await here.runAndKill(5);
    here.items(numbered(2), 'other.jsonl');
    here.job({ source: "jsonl<Item>('other.jsonl')" });
    const refused = await here.cli('run', 'job.ts');
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/in\.jsonl.*other\.jsonl.*--id.*\(HF_SOURCE_IDENTITY\)/);
  });

  test('two files that run at once on one server never take each other’s work', async () => {
    const one = project();
    const two = project();
    for (const here of [one, two]) {
      here.items(numbered(30));
      here.job();
    }
    const ends = await Promise.all([one.run(), two.run()]);
    expect(ends.map(({ code }) => code)).toEqual([0, 0]);
    for (const here of [one, two]) expect(here.calls()).toHaveLength(30);
  });
});

describe('after Temporal has forgotten the job', () => {
  let forgetful: Site;
  beforeAll(() => {
    forgetful = new Site();
  });
  afterAll(() => forgetful.remove());

  test('a complete one is known as complete, and an unfinished one continues from the ledger', async () => {
    const done = forgetful.project('forgotten-done');
    done.items(numbered(3));
    done.job();
    await done.run();
    const open = forgetful.project('forgotten-open');
    open.items(numbered(10, { hold: 6 }));
    open.job();
    await open.runAndKill(5);
    await forgetful.loseServerData();
    rmSync(join(forgetful.home, 'server.json'), { force: true });
    expect(await done.json('status', done.name)).toMatchObject({ state: 'complete', items: { applied: 3 } });
    expect(await open.json('status', open.name)).toMatchObject({ state: 'running', items: { applied: 5 } });
    expect((await done.cli('run', 'job.ts')).stdout).toContain('nothing new');
    open.write('go', '');
    const { code, summary } = await open.run();
    expect(code).toBe(0);
    expect(summary).toMatchObject({ state: 'complete', items: { read: 10, applied: 10 } });
    expect(open.landed()).toHaveLength(10);
  });
});
