import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { time } from '../../cli/format.ts';
import { type Project, Site } from './harness.ts';
import { memoTask, StoredResults } from './stored-results.ts';

let site: Site;
beforeAll(() => {
  site = new Site();
});
afterAll(() => site.remove());

const locate = memoTask('locate', '1');
const HOUR_MS = 3_600_000;

/** Tasks as a user's file exports them; calling one would leave a mark. */
const TASKS = `import { writeFileSync } from 'node:fs';
import { defineTask } from 'holdfast';
const run = () => { writeFileSync('called', ''); return 1; };
const schema = { '~standard': { version: 1 as const, vendor: 'test', validate: (value: unknown) =>
  (typeof value === 'object' && value !== null && 'town' in value ? { value } : { issues: [{ message: 'town is missing' }] }) } };
export const locate = defineTask({ name: 'locate', version: VERSION, run, memoize: {} });
export const dated = defineTask({ name: 'dated', version: '1', run, memoize: {} });
export const checked = defineTask({ name: 'checked', schema, run, memoize: { refresh: true } });
export const plain = defineTask({ name: 'plain', run });
`;

function withTasks(name: string, version = "'1'", on = site): Project {
  const here = on.project(name);
  here.write('tasks.ts', TASKS.replace('VERSION', version));
  return here;
}

describe('where nothing is stored yet', () => {
  test('every command answers, and makes no store (invariant 10)', async () => {
    const here = withTasks('nothing');
    expect((await here.cli('memo', 'stats')).stdout).toContain('no results stored yet in sqlite:');
    expect((await here.cli('memo', 'ls')).stdout).toContain('no results stored yet in sqlite:');
    expect(await here.json('memo', 'stats')).toEqual([]);
    expect(await here.json('memo', 'ls')).toEqual([]);
    expect(await here.json('memo', 'invalidate', '--all')).toEqual({ invalidated: 0 });
    expect(await here.json('memo', 'gc')).toEqual({ entries: 0, files: 0, bytes: 0 });
    expect(await here.json('memo', 'explain', 'tasks.ts', '--task', 'locate', '--input', '1')).toMatchObject({
      outcome: 'miss',
      reason: { kind: 'never' },
    });
    expect(existsSync(join(site.home, 'store.db'))).toBe(false);
  });
});

describe('stored results', () => {
  let here: Project;
  let keys: { readonly bonn: string; readonly ulm: string; readonly old: string };
  const at = Date.now() - 2 * HOUR_MS;

  beforeAll(async () => {
    here = withTasks('stored');
    await using results = await StoredResults.open(here);
    const ending = memoTask('dated', '1', { expires: '1 hour' });
    keys = {
      bonn: await results.put(locate, { town: 'Bonn', street: 'A' }, { lat: 50.7 }, { at, costMs: 2_000 }),
      ulm: await results.put(locate, { town: 'Ulm', street: 'A' }, { when: new Date(0), n: 1n }),
      old: await results.put(ending, 7, null, { at }),
    };
  });

  test('are counted by task and version, with what they save', async () => {
    const { code, stdout } = await here.cli('memo', 'stats');
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(
      /^TASK +VERSION +ENTRIES +VALID +EXPIRED +INVALIDATED +RUNNING +SIZE +SAVES +OLDEST +NEWEST$/,
    );
    expect(lines[1]).toMatch(/^dated +1 +1 +0 +1 +0 +0 /);
    expect(lines[2]).toMatch(/^locate +1 +2 +2 +0 +0 +0 .* 3\.0 s /);
    expect(lines[3]).toMatch(/^3 entries \(2 valid\), \d+ bytes; computing them took 4\.0 s$/);
    expect(await here.json('memo', 'stats')).toEqual([
      expect.objectContaining({ task: 'dated', version: '1', entries: 1, valid: 0, expired: 1 }),
      expect.objectContaining({ task: 'locate', entries: 2, valid: 2, costMs: 3_000, oldestAt: at }),
    ]);
  });

  test('are listed newest first, those of a task or version, so many at most', async () => {
    const all = (await here.json('memo', 'ls')) as { readonly key: string }[];
    expect(all[0]).toEqual({
      key: keys.ulm,
      task: 'locate',
      version: '1',
      parts: { town: '"Ulm"', street: '"A"' },
      state: 'valid',
      madeAt: expect.any(Number),
      madeBy: 'orders-1',
      expiresAt: null,
      invalidatedAt: null,
      costMs: 1_000,
      bytes: expect.any(Number),
      file: null,
      sealed: false,
    });
    expect(all.map(({ key }) => key).toSorted()).toEqual(Object.values(keys).toSorted());
    expect(await here.json('memo', 'ls', '--task', 'dated')).toHaveLength(1);
    expect(await here.json('memo', 'ls', '--version', '2')).toEqual([]);
    const { stdout, stderr } = await here.cli('memo', 'ls', '--limit', '1');
    expect(stdout.split('\n')[1]).toMatch(new RegExp(`^${keys.ulm.slice(0, 12)} +locate +1 +valid .*town="Ulm"`));
    expect(stderr).toContain('the newest 1 result; more with --limit');
    expect((await here.cli('memo', 'ls', '--task', 'gone')).stdout).toContain('no such results');
  });

  test('are shown by the first digits of their key, with the result', async () => {
    const { stdout } = await here.cli('memo', 'show', keys.bonn.slice(0, 8).toUpperCase());
    expect(stdout.split('\n')[0]).toBe(`${keys.bonn}: valid`);
    expect(stdout).toContain('  task     locate (version 1)\n');
    expect(stdout).toContain(`  made     ${time(at)}, 2 h 0 min ago, by orders-1\n`);
    expect(stdout).toContain('  saves    2.0 s each time');
    expect(stdout).toContain('  expires  never\n');
    expect(stdout).toMatch(/ {2}input {4}street "A"\n {11}town {3}"Bonn"\n {2}result {3}\{"lat":50\.7\}\n$/);
    expect(await here.json('memo', 'show', keys.ulm)).toMatchObject({
      key: keys.ulm,
      result: { when: { $hf: ['date', 0] }, n: { $hf: ['bigint', '1'] } },
    });
    expect((await here.cli('memo', 'show', keys.old)).stdout).toMatch(
      /: expired\n.*state {4}expired at .*result {3}null\n$/s,
    );
  });

  test('a key that is none, unknown, or the beginning of several is wrong use and named', async () => {
    const short = await here.cli('memo', 'show', '1234567');
    expect(short).toMatchObject({ code: 2, stderr: expect.stringContaining('8 to 64 of its hexadecimal digits') });
    const unknown = await here.cli('memo', 'show', '00000000');
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('HF_MEMO_ENTRY_UNKNOWN') });
    const other = withTasks('several');
    await using results = await StoredResults.open(other);
    // Two inputs whose keys begin alike.
    const [one, two] = [await results.put(locate, 78_018, 1), await results.put(locate, 79_805, 2)];
    const several = await other.cli('memo', 'show', one.slice(0, 8));
    expect(several.code).toBe(2);
    expect(several.stderr).toContain(one.slice(0, 12));
    expect(several.stderr).toContain(two.slice(0, 12));
    expect(several.stderr).toContain('Give more digits. (HF_MEMO_ENTRY_AMBIGUOUS)');
    expect(await other.json('memo', 'show', one.slice(0, 12))).toMatchObject({ result: 1 });
  });
});

describe('explain', () => {
  let here: Project;
  beforeAll(() => {
    here = withTasks('explained');
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
    damageResults();
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
    const newer = withTasks('newer', "'2'");
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
      stderr: expect.stringContaining('no task named gone; it has checked, dated, locate, plain.'),
    });
    expect(await ask('1', 'plain')).toMatchObject({ code: 2, stderr: expect.stringContaining('HF_TASK_NOT_MEMOIZED') });
    expect(await ask('{"street":1}', 'checked')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('does not fit the schema of task checked: town is missing'),
    });
    const several = await here.cli('memo', 'explain', 'tasks.ts', '--input', '1');
    expect(several).toMatchObject({ code: 2, stderr: expect.stringContaining('--task NAME. (HF_SEVERAL_TASKS)') });
    here.write('none.ts', 'export const x = 1;\n');
    const none = await here.cli('memo', 'explain', 'none.ts', '--input', '1');
    expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining('HF_NO_TASK') });
  });
});

describe('invalidate and gc', () => {
  let own: Site;
  beforeAll(() => {
    own = new Site();
  });
  afterAll(() => own.remove());

  test('nothing that selects is wrong use, and so is everything together with something', async () => {
    const here = withTasks('selecting');
    expect(await here.cli('memo', 'invalidate')).toMatchObject({ code: 2, stderr: expect.stringContaining('--all') });
    expect(await here.cli('memo', 'invalidate', '--all', '--task', 'locate')).toMatchObject({ code: 2 });
    const soon = await here.cli('memo', 'invalidate', '--older-than', 'soon');
    expect(soon).toMatchObject({ code: 2, stderr: expect.stringContaining('HF_DURATION_INVALID') });
  });

  test('those of a task, a version, an age are invalidated and counted, the others stay; gc removes them and their files', async () => {
    const here = withTasks('collected', "'1'", own);
    await using results = await StoredResults.open(here);
    const [a1, a2, b] = [memoTask('a', '1'), memoTask('a', '2'), memoTask('b', '1')];
    const at = Date.now() - 50 * HOUR_MS;
    for (const n of [1, 2, 3]) await results.put(a1, n, 'x'.repeat(100_000 + n));
    for (const n of [1, 2]) await results.put(a2, n, n);
    await results.put(b, 1, 1, { at });
    await results.put(b, 2, 2);
    expect(await here.json('memo', 'invalidate', '--task', 'b', '--older-than', '2 days')).toEqual({ invalidated: 1 });
    const { stdout } = await here.cli('memo', 'invalidate', '--task', 'a', '--version', '1');
    expect(stdout).toBe(
      '3 entries invalidated: the next call with such an input computes anew. holdfast memo gc removes what is over\n',
    );
    const left = (await here.json('memo', 'stats')) as { readonly valid: number }[];
    expect(left.map(({ valid }) => valid)).toEqual([0, 2, 1]);
    expect(await here.json('memo', 'gc')).toMatchObject({ entries: 4, files: 0 });
    // A young file may be one that is about to be referred to.
    const long = new Date(Date.now() - 2 * HOUR_MS);
    for (const file of resultFiles(own)) utimesSync(file, long, long);
    expect((await here.cli('memo', 'gc')).stdout).toBe(
      'removed 0 entries (expired or invalidated) and 3 result files without an entry: 300 kB freed\n',
    );
    expect(await here.json('memo', 'ls', '--task', 'a')).toHaveLength(2);
    expect((await here.cli('memo', 'gc')).stdout).toContain('nothing to remove');
  });
});

function damageResults(): void {
  for (const file of resultFiles(site)) writeFileSync(file, 'damaged');
}

function resultFiles({ home }: Site): readonly string[] {
  return readdirSync(join(home, 'results'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
