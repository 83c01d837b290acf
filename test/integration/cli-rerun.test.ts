import { describe, expect, test } from '@jest/globals';
import { keys, numbered } from './harness.ts';
import { holding, project, useServedSite } from './served-site.ts';

useServedSite('again');

describe('a complete job', () => {
  test('with nothing new says since when, and exits as that job did', async () => {
    const here = project();
    here.items(numbered(4));
    here.job();
    expect((await here.cli('run', 'job.ts')).code).toBe(0);
    const again = await here.cli('run', 'job.ts');
    expect(again.code).toBe(0);
    expect(again.stdout).toMatch(
      /complete: nothing new in the source since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d; 4 items applied/,
    );
    expect((await here.run()).summary).toMatchObject({ state: 'complete', thisRun: { applied: 0, known: 4 } });
    expect(here.calls()).toHaveLength(4);
  });

  test('that ended partial with nothing new exits 3 again', async () => {
    const here = project();
    here.items(numbered(4, { fail: [2] }));
    here.job();
    expect((await here.run()).code).toBe(3);
    const again = await here.cli('run', 'job.ts');
    expect(again.code).toBe(3);
    expect(again.stdout).toContain('partial: nothing new');
    expect(here.calls()).toHaveLength(4);
  });

  test('runs the records that were appended to its source, and only those', async () => {
    const here = project();
    here.items(numbered(4));
    here.job();
    await here.run();
    here.items(numbered(6));
    const { code, summary } = await here.run();
    expect(code).toBe(0);
    expect(summary).toMatchObject({
      state: 'complete',
      generation: 1,
      items: { read: 6, applied: 6 },
      thisRun: { applied: 2, known: 4 },
    });
    expect(here.calls()).toEqual([...keys(4), 'k5', 'k6']);
  });

  test('runs a record that comes behind an unterminated last one, which is known', async () => {
    const here = project();
    here.write('in.jsonl', '{"id":"k1"}\n{"id":"k2"}');
    here.job();
    await here.run();
    here.write('in.jsonl', '{"id":"k1"}\n{"id":"k2"}\n{"id":"k3"}\n');
    const { summary } = await here.run();
    expect(summary).toMatchObject({
      state: 'complete',
      items: { read: 3, applied: 3 },
      thisRun: { applied: 1, known: 2 },
    });
    expect(here.calls()).toEqual(['k1', 'k2', 'k3']);
  });

  test('with another file under the name reads it from its start: new keys run, known keys count as landed whatever their content', async () => {
    const here = project();
    here.items(numbered(5));
    here.job();
    await here.run();
    here.items([{ id: 'new1' }, { id: 'k3', v: 33 }, { id: 'k1', v: 11 }, { id: 'new2' }]);
    const ended = await here.cli('run', 'job.ts');
    expect(ended.code).toBe(0);
    expect(ended.stdout).toContain('2 records left out as known');
    expect(ended.stdout).toContain('--again runs every item anew');
    expect(here.calls().slice(5)).toEqual(['new1', 'new2']);
    expect(await here.json('status', here.name)).toMatchObject({
      thisRun: { applied: 2, known: 2 },
      items: { read: 7, applied: 7 },
    });
  });
});

describe('--again', () => {
  test('of a complete job opens the next generation: every item runs anew, with new idempotency keys', async () => {
    const here = project();
    here.items(numbered(3));
    here.job({ sink: null });
    await here.run();
    const { code, summary } = await here.run('--again');
    expect(code).toBe(0);
    expect(summary).toMatchObject({
      state: 'complete',
      generation: 2,
      items: { read: 3, applied: 3 },
      thisRun: { applied: 3, known: 0 },
    });
    expect(here.calls()).toHaveLength(6);
    expect(new Set(here.idempotencyKeys()).size).toBe(6);
  });

  test('of a job that is not complete continues it, and says so', async () => {
    const here = holding(6);
    await here.runAndKill(5);
    await here.cli('cancel', here.name);
    here.write('go', '');
    const { code, summary, stderr } = await here.run('--again');
    expect(code).toBe(0);
    expect(summary).toMatchObject({ state: 'complete', generation: 1, thisRun: { applied: 5 } });
    expect(stderr).toContain('--again continues it');
  });
});

describe('--limit', () => {
  test('takes only the first items, and a later run without it goes on', async () => {
    const here = project();
    here.items(numbered(7));
    here.job();
    const limited = await here.run('--limit', '3');
    expect(limited.code).toBe(0);
    expect(limited.summary).toMatchObject({ state: 'complete', items: { read: 3, applied: 3, total: 3 } });
    const { code, summary } = await here.run();
    expect(code).toBe(0);
    expect(summary).toMatchObject({
      state: 'complete',
      generation: 1,
      items: { read: 7, applied: 7 },
      thisRun: { applied: 4, known: 3 },
    });
    expect(here.calls()).toEqual(keys(7));
  });
});
