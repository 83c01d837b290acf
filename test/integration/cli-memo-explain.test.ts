import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { time } from '../../cli/format.ts';
import { type Project, Site } from './harness.ts';
import { projectWithTasks, resultFiles } from './memo-tasks.ts';
import { memoTask, StoredResults } from './stored-results.ts';

let site: Site;
beforeAll(() => {
  site = new Site();
});
afterAll(() => site.remove());

const locate = memoTask('locate', '1');
const HOUR_MS = 3_600_000;

describe('explain', () => {
  let here: Project;
  beforeAll(() => {
    here = projectWithTasks(site, 'explained');
  });
  const ask = (input: string, task = 'locate') =>
    here.cli('memo', 'explain', 'tasks.ts', '--task', task, '--input', input);
  const document = async (input: string, task = 'locate') =>
    (await here.json('memo', 'explain', 'tasks.ts', '--task', task, '--input', input)) as Record<string, unknown>;

  test('says of a hit since when, by which job and what it saves, and calls nothing', async () => {
    await using results = await StoredResults.open(here);
    const key = await results.put(locate, { hit: 1 }, 1, { madeBy: 'orders-9', costMs: 1_500 });
    const { code, stdout } = await ask('{"hit":1}');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^hit: task locate \(version 1\) has a result for this input\n/);
    expect(stdout).toMatch(/made {5}.* ago, by orders-9\n {2}saves {4}1\.5 s each time/);
    expect(await document('{"hit":1}')).toMatchObject({ outcome: 'hit', key, entry: { key, madeBy: 'orders-9' } });
    expect(existsSync(join(here.directory, 'called'))).toBe(false);
  });

  test('says of a miss that it was never computed', async () => {
    const { code, stdout } = await ask('["nothing like it"]', 'dated');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^miss: task dated \(version 1\).* {2}reason {3}never computed\n$/s);
  });

  test('says when a result has expired or was invalidated, and that one is damaged or being computed', async () => {
    await using results = await StoredResults.open(here);
    const at = Date.now() - 5 * HOUR_MS;
    await results.put(memoTask('locate', '1', { expires: '1 hour' }), { over: 1 }, 1, { at });
    expect((await ask('{"over":1}')).stdout).toContain(`reason   expired at ${time(at + HOUR_MS)}\n`);
    const key = await results.put(locate, { taken: 1 }, 1);
    expect(await here.json('memo', 'invalidate', '--key', key)).toEqual({ invalidated: 1 });
    expect((await document('{"taken":1}')).reason).toEqual({ kind: 'invalidated', at: expect.any(Number) });
    await results.claim(locate, { busy: 1 });
    expect((await ask('{"busy":1}')).stdout).toContain('reason   it is being computed now');
    await results.put(locate, { large: 1 }, 'x'.repeat(200_000));
    for (const file of resultFiles(site)) writeFileSync(file, 'damaged');
    expect((await ask('{"large":1}')).stdout).toMatch(
      /reason {3}the stored result is damaged: .*results.* is missing or not/,
    );
  });

  test('says of an input whose process died while it computed that it was never computed', async () => {
    const results = await StoredResults.open(here);
    await results.claim(locate, ['left']);
    expect((await document('["left"]')).reason).toEqual({ kind: 'running' });
    await results[Symbol.asyncDispose]();
    expect((await document('["left"]')).reason).toEqual({ kind: 'never' });
    const stats = (await here.json('memo', 'stats')) as { readonly running: number }[];
    expect(stats.map(({ running }) => running).filter((running) => running > 0)).toEqual([]);
  });

  test('says which part of the input changed, from what to what, against the nearest result', async () => {
    await using results = await StoredResults.open(here);
    const nearest = await results.put(locate, { town: 'Bonn', street: 'Long Lane', zip: 1 }, 1);
    const { stdout } = await ask('{"town":"Köln","street":"Long Lane","zip":1}');
    expect(stdout).toContain(`town  from "Bonn" to "Köln"\n  see      holdfast memo show ${nearest.slice(0, 12)}\n`);
    expect((await document('{"town":"Köln","street":"Long Lane","zip":1}')).reason).toEqual({
      kind: 'part',
      changes: [{ part: 'town', from: '"Bonn"', to: '"Köln"' }],
      nearest,
    });
  });

  test('says that another version computed it', async () => {
    await using results = await StoredResults.open(here);
    await results.put(locate, { town: 'Ulm' }, 1);
    const newer = projectWithTasks(site, 'newer', '2');
    const { stdout } = await newer.cli('memo', 'explain', 'tasks.ts', '--task', 'locate', '--input', '{"town":"Ulm"}');
    expect(stdout).toContain('reason   version 1 → 2');
  });

  test('takes dates in the encoding of values, a file, and stdin', async () => {
    await using results = await StoredResults.open(here);
    await results.put(memoTask('dated', '1'), { at: new Date(5) }, 1);
    expect(await document('{"at":{"$hf":["date",5]}}', 'dated')).toMatchObject({ outcome: 'hit' });
    here.write('input.json', '{"at":{"$hf":["date",5]}}\n');
    expect(await document('@input.json', 'dated')).toMatchObject({ outcome: 'hit' });
    const bin = join(import.meta.dirname, '../../bin/holdfast.js');
    const args = ['memo', 'explain', 'tasks.ts', '--task', 'dated', '--input', '-', '--json'];
    const piped = execFileSync(process.execPath, [bin, ...args], {
      cwd: here.directory,
      env: { ...process.env, HOLDFAST_HOME: site.home, NODE_OPTIONS: '' },
      input: here.read('input.json'),
    });
    expect(JSON.parse(String(piped))).toMatchObject({ outcome: 'hit' });
    const nothing = await ask('-', 'dated');
    expect(nothing).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--input is stdin; it is not JSON: it is empty'),
    });
  });

  test('refuses wrong use: no JSON with its place, another task, one without memoization, an input of another shape', async () => {
    expect(await ask('{"a" 1}')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('"1" is not expected there (line 1, column 6). (HF_OPTION_INVALID)'),
    });
    expect(await ask('1', 'gone')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('no task named gone; it has checked, dated, keyed, locate, plain.'),
    });
    expect(await ask('1', 'plain')).toMatchObject({ code: 2, stderr: expect.stringContaining('HF_TASK_NOT_MEMOIZED') });
    expect(await ask('{"street":1}', 'checked')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('does not fit the schema of task checked: town is missing'),
    });
    for (const [input, why] of [
      ['{"at":{"town":"Ulm"}}', 'memoize.key of task keyed finds no street in it. (HF_OPTION_INVALID)'],
      ['5', 'it has no key: memoize.key of task keyed threw Cannot read'],
    ] as const)
      expect(await ask(input, 'keyed')).toMatchObject({ code: 2, stderr: expect.stringContaining(why) });
    const several = await here.cli('memo', 'explain', 'tasks.ts', '--input', '1');
    expect(several).toMatchObject({ code: 2, stderr: expect.stringContaining('--task NAME. (HF_SEVERAL_TASKS)') });
    here.write('none.ts', 'export const x = 1;\n');
    const none = await here.cli('memo', 'explain', 'none.ts', '--input', '1');
    expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining('HF_NO_TASK') });
  });
});
