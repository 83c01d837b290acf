import { existsSync, utimesSync } from 'node:fs';
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

const withTasks = (name: string, on = site) => projectWithTasks(on, name);

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
    expect(lines[3]).toMatch(/^3 entries \(2 valid\), \d+ bytes; what is valid took 3\.0 s to compute$/);
    expect(await here.json('memo', 'stats')).toEqual([
      expect.objectContaining({ task: 'dated', version: '1', entries: 1, valid: 0, expired: 1, costMs: 0 }),
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
    expect(stdout).toMatch(new RegExp(`  made     ${time(at)}, 2 h( \\d+ min)? ago, by orders-1\n`));
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
    const here = withTasks('collected', own);
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
      '3 entries invalidated: the next call with such an input computes anew. holdfast memo gc removes what is over, files when they are an hour old\n',
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
