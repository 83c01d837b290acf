import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { numbered, type Project, Site } from './harness.ts';
import { memoTask, StoredResults } from './stored-results.ts';

let site: Site;
beforeAll(() => {
  site = new Site();
});
afterAll(() => site.remove());

interface PlanDocument {
  readonly items: Readonly<Record<string, number>>;
  readonly refused: Readonly<Record<string, number>>;
  readonly memo: { readonly hits: number; readonly misses: number; readonly reasons: Readonly<Record<string, number>> };
  readonly expectedMs: { readonly low: number; readonly high: number } | null;
}

interface JobFile {
  readonly items: readonly object[];
  readonly version?: string;
  readonly options?: string;
  readonly memoize?: string;
}

/** A job that runs a memoized task for each item; calls leave a mark, landed items a row. */
function memoized(name: string, { items, version = '1', options = '', memoize = '{}' }: JobFile): Project {
  const here = site.project(name);
  here.write('in.jsonl', items.map((item) => `${JSON.stringify(item)}\n`).join(''));
  here.write(
    'job.ts',
    `import { appendFileSync } from 'node:fs';
import { defineJob, defineTask, jsonl, sqlTable } from 'holdfast';
interface Item { readonly id: string; readonly town: string }
const locate = defineTask({
  name: 'locate', version: '${version}', memoize: ${memoize},
  run: async ({ town }: { town: string }) => { appendFileSync('calls.log', town + ' -\\n'); return { letters: town.length }; },
});
export default defineJob({
  name: '${name}', source: jsonl<Item>('in.jsonl'), key: (item) => item.id, ${options}
  task: locate, input: (item) => ({ town: item.town.trim() }),
}).to(sqlTable({ url: 'sqlite:${name}.db', table: 'landed', key: 'id', row: (item, { letters }) => ({ id: item.id, letters }) }));
`,
  );
  return here;
}

const plan = async (here: Project, ...args: readonly string[]) =>
  (await here.json('plan', 'job.ts', ...args)) as PlanDocument;
const towns = (names: readonly string[]) => names.map((town, index) => ({ id: `k${index + 1}`, town }));
const key = (town: string) => ({ town });

describe('a plan of a new job', () => {
  test('counts items, hits, repeated inputs and misses by reason, and calls no task and no sink', async () => {
    const here = memoized('reasons', {
      items: towns(['Bonn', 'Ulm', 'Kiel', 'Kiel', 'Jena', 'Hof', 'Wesel']),
      options: 'concurrency: 2,',
      version: '2',
    });
    await using results = await StoredResults.open(here);
    const [before, now] = [memoTask('locate', '1'), memoTask('locate', '2')];
    await results.put(now, key('Bonn'), 1, { costMs: 1_000 });
    await results.put(before, key('Ulm'), 1, { costMs: 1_000 });
    const hourly = memoTask('locate', '2', { expires: '1 hour' });
    await results.put(hourly, key('Jena'), 1, { at: Date.now() - 7_200_000, costMs: 1_000 });
    const hof = await results.put(now, key('Hof'), 1, { costMs: 1_000 });
    await here.cli('memo', 'invalidate', '--key', hof);
    await results.claim(now, key('Wesel'));
    const planned = await plan(here);
    expect(planned).toMatchObject({
      jobId: 'reasons',
      job: 'reasons',
      state: null,
      generation: 1,
      source: 'jsonl in.jsonl',
      limit: null,
      items: { read: 7, landed: 0, setAside: 0, refused: 0, toRun: 7 },
      memo: {
        task: 'locate',
        version: '2',
        hits: 1,
        misses: 5,
        repeated: 1,
        refused: 0,
        reasons: { never: 1, version: 1, expired: 1, invalidated: 1, running: 1, damaged: 0, refresh: 0 },
      },
      expectedMs: { low: 2_500, high: 2_500 },
    });
    const { code, stdout } = await here.cli('plan', 'job.ts');
    expect(code).toBe(0);
    expect(stdout).toContain('locate (version 2): 1 hit · 5 to compute · 1 with the input of an item before it');
    expect(stdout).toContain('1 computed by another version (1 → 2)');
    expect(stdout).toMatch(/expected about 2\.5 s, 2 at once, as most of \d+ results took 1\.0 s/);
    expect(stdout).toMatch(/\n {2}next {5}holdfast run job\.ts\n$/);
    expect((await here.cli('plan', 'job.ts', '--refresh', '--limit', '2', '--id', 'of two')).stdout).toMatch(
      /\n {2}next {5}holdfast run job\.ts --id 'of two' --refresh --limit 2\n$/,
    );
    expect(here.calls()).toEqual([]);
    expect(existsSync(join(here.directory, 'reasons.db'))).toBe(false);
    expect(await site.serverPid()).toBeNull();
  });

  test('with --refresh computes every input, and with --limit reads so many items', async () => {
    const here = memoized('refreshed', { items: towns(['Aachen', 'Emden', 'Emden']) });
    await using results = await StoredResults.open(here);
    await results.put(memoTask('locate', '1'), key('Aachen'), 1);
    expect((await plan(here)).memo).toMatchObject({ hits: 1, misses: 1, repeated: 1 });
    expect((await plan(here, '--refresh')).memo).toMatchObject({ hits: 0, misses: 2, reasons: { refresh: 2 } });
    expect(await plan(here, '--limit', '1')).toMatchObject({
      items: { read: 1, toRun: 1 },
      memo: { hits: 1, misses: 0 },
    });
  });

  test('says the time as a range of what results took, no faster than the limit of calls allows', async () => {
    const here = memoized('paced', {
      items: towns(Array.from({ length: 101 }, (_, index) => `paced ${index}`)),
      options: 'concurrency: 100, ratePerSecond: 10,',
    });
    await using results = await StoredResults.open(here);
    await results.put(memoTask('locate', '1'), key('Fulda'), 1);
    const { expectedMs } = await plan(here);
    expect(expectedMs?.low).toBeGreaterThanOrEqual(10_000);
    expect(expectedMs?.high).toBeGreaterThanOrEqual(Number(expectedMs?.low));
    expect((await here.cli('plan', 'job.ts')).stdout).toContain('100 at once, at most 10/s calls');
  });

  test('names records that cannot become items, and inputs that have no key', async () => {
    const here = memoized('refusing', {
      items: towns(['Trier', 'Mainz']),
      memoize: "{ key: (input: { town: string }) => (input.town === 'Mainz' ? Number.NaN : input) }",
    });
    here.write('in.jsonl', `${here.read('in.jsonl')}{"id":\n{"id":"","town":"x"}\n{"id":"k9"}\n`);
    expect(await plan(here)).toMatchObject({
      items: { read: 5, refused: 2, toRun: 3 },
      refused: { malformed: 1, key: 1, schema: 0, 'too-large': 0 },
      memo: { misses: 1, refused: 2 },
    });
    const { stdout } = await here.cli('plan', 'job.ts');
    expect(stdout).toContain('1 malformed, 1 without a usable key');
    expect(stdout).toContain('in.jsonl line 3');
    expect(stdout).toContain('the first refused: The memoization key of task locate cannot be computed: $ is NaN');
  });

  test('of a job without a memoized task says that everything runs', async () => {
    const here = site.project('plain');
    here.items(numbered(3));
    here.job();
    expect(await plan(here)).toMatchObject({ items: { toRun: 3 }, memo: null, expectedMs: null });
    expect((await here.cli('plan', 'job.ts')).stdout).toContain(
      '3 items, each by a call: the job runs no memoized task',
    );
    expect(here.calls()).toEqual([]);
  });

  test('that cannot be made exits 2 and says why, as run does', async () => {
    const here = memoized('wrong', { items: [] });
    expect(await here.cli('plan', 'gone.ts')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('HF_FILE_MISSING'),
    });
    const param = await here.cli('plan', 'job.ts', '--param', 'file=x');
    expect(param).toMatchObject({ code: 2, stderr: expect.stringContaining('HF_PARAM_UNKNOWN') });
    expect((await plan(here)).items).toMatchObject({ read: 0, toRun: 0 });
    const help = await here.cli('plan', 'job.ts', '--help');
    expect(help.stdout).toContain(
      "only the\njob's source, schema, key and input and the task's schema and memoize.key",
    );
  });
});

describe('a plan of a job that ran', () => {
  test('counts what has landed, what is stored, and what was set aside', async () => {
    const here = memoized('ran', { items: towns(['Gera', 'Suhl', 'Apolda', 'Weimar']) });
    expect((await here.run('--limit', '2')).code).toBe(0);
    expect(await plan(here)).toMatchObject({
      state: 'complete',
      items: { read: 4, landed: 2, toRun: 2 },
      memo: { hits: 0, misses: 2 },
    });
    const { summary } = await here.run();
    expect(summary).toMatchObject({ state: 'complete', memo: { misses: 4, hits: 0 } });
    const done = await here.cli('plan', 'job.ts');
    expect(done.stdout).toContain('4 landed already (100%)');
    expect(done.stdout).toContain('nothing to do; --again would run every item anew');
    expect(await plan(here, '--again')).toMatchObject({
      generation: 2,
      state: null,
      items: { landed: 0, toRun: 4 },
      memo: { hits: 4, misses: 0 },
      expectedMs: { low: 0, high: 0 },
    });
    expect(here.calls()).toHaveLength(4);
    const hit = (await here.json('memo', 'explain', 'job.ts', '--input', '{"town":"Gera"}')) as object;
    expect(hit).toMatchObject({ outcome: 'hit', entry: { madeBy: 'ran' } });
  });

  test('has its large results in HOLDFAST_RESULTS, wherever it is asked from', async () => {
    const here = memoized('large', { items: towns(['Ansbach']) });
    here.write('job.ts', here.read('job.ts').replace('letters: town.length', "letters: 7, map: '.'.repeat(100_000)"));
    const env = { HOLDFAST_RESULTS: 'maps' };
    const ran = await site.start(['run', 'job.ts'], { cwd: here.directory, env }).ended;
    expect(ran.code).toBe(0);
    const [entry] = (await here.json('memo', 'ls', '--limit', '1')) as {
      readonly key: string;
      readonly file: string;
    }[];
    expect(entry?.file).toContain(join(here.directory, 'maps'));
    const shown = await site.start(['memo', 'show', String(entry?.key), '--json']).ended;
    expect(JSON.parse(shown.stdout)).toMatchObject({ state: 'valid', result: { letters: 7 } });
  });

  test('a quarantined item is set aside, and runs again where the job failed', async () => {
    const here = site.project('failing');
    here.items(numbered(3, { fail: [2] }));
    here.job({ options: 'tolerate: { failures: 1 },' });
    expect((await here.run()).code).toBe(3);
    expect(await plan(here)).toMatchObject({ state: 'partial', items: { landed: 2, setAside: 1, toRun: 0 } });
    expect((await here.cli('plan', 'job.ts')).stdout).toContain('holdfast redrive failing');
    const other = site.project('failed');
    other.items(numbered(3, { fail: [2] }));
    other.job({ options: 'tolerate: { failures: 0 },' });
    expect((await other.run()).code).toBe(1);
    expect(await plan(other)).toMatchObject({ state: 'failed', items: { landed: 2, setAside: 0, toRun: 1 } });
  });
});

describe('a plan matches by key', () => {
  test('a source that is in another order, and has one more', async () => {
    const here = site.project('shuffled');
    here.items(numbered(1_000));
    here.job({ options: 'concurrency: 50,' });
    expect((await here.run()).code).toBe(0);
    here.items([...numbered(1_001)].reverse());
    expect(await plan(here)).toMatchObject({ state: 'complete', items: { read: 1_001, landed: 1_000, toRun: 1 } });
  });

  test('what a killed run has landed, and what it left', async () => {
    const here = site.project('killed');
    here.items(numbered(10, { hold: 6 }));
    here.job();
    await here.runAndKill(5);
    expect(await plan(here)).toMatchObject({ state: 'running', items: { read: 10, landed: 5, toRun: 5 } });
  });
});

test('SIGINT ends a plan at once, with nothing on stdout', async () => {
  const here = site.project('stopped');
  here.write(
    'job.ts',
    `import { setTimeout as sleep } from 'node:timers/promises';
import { defineJob, items } from 'holdfast';
const slow = async function* () { console.error('reading'); await sleep(600_000); yield 1; };
export default defineJob({ name: 'stopped', source: items(slow), key: (n) => n, run: (n) => n });
`,
  );
  const command = here.start('plan', 'job.ts', '--json');
  await command.says('reading');
  expect(await command.end('SIGINT')).toMatchObject({ code: 130, stdout: '' });
});

test('a plan of 300,000 items takes memory for none of them', async () => {
  const here = memoized('many', { items: [] });
  const line = (n: number) => `{"id":"k${n}","town":"town ${n}"}\n`;
  here.write('in.jsonl', Array.from({ length: 300_000 }, (_, n) => line(n)).join(''));
  const command = site.start(['plan', 'job.ts', '--json'], {
    cwd: here.directory,
    env: { NODE_OPTIONS: '--max-old-space-size=96' },
  });
  const { code, stdout } = await command.ended;
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ items: { read: 300_000 }, memo: { misses: 300_000, repeated: 0 } });
});
