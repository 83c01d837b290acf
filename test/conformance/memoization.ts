import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Seal } from '../../memoization/memoization.ts';
import { type MemoHome, MemoSite, memoTask } from './memo-site.ts';

/** What every memoization store must hold of the results in it. */
export function describeStoredResults(title: string, makeHome: () => Promise<MemoHome>): void {
  describe(`${title}: a stored result`, () => {
    let site: MemoSite;
    const task = memoTask();
    const hour = { kind: 'after', ms: 3_600_000 } as const;

    beforeEach(async () => {
      site = new MemoSite(await makeHome());
    });
    afterEach(() => site.end());

    test.each<[string, unknown]>([
      ['null', null],
      ['undefined', undefined],
      ['an empty string', ''],
      ['an empty object', {}],
      ['an empty list', []],
      ['zero', 0],
      ['minus zero', -0],
      ['false', false],
      ['a date', new Date(1_700_000_000_000)],
      ['a bigint', 12345678901234567890n],
      ['bytes', new Uint8Array([0, 255, 222])],
      ['no bytes', new Uint8Array()],
      ['all of them, nested', { d: [new Date(0), { n: -5n, u: undefined, z: -0 }], $hf: 1, text: 'ü\u0000\u{1f600}' }],
      ['more than the inline limit', { text: 'ü'.repeat(200_000) }],
      ['many bytes', new Uint8Array(300_000).map((_, n) => n % 253)],
    ])('that is %s comes back as it was, in another process as well', async (_, value) => {
      const [one, other] = [await site.process(), await site.process()];
      expect(await one.call(task, 1, value)).toStrictEqual([value, 'computed']);
      expect(await one.call(task, 1, 'other')).toStrictEqual([value, 'hit']);
      expect(await other.call(task, 1, 'other')).toStrictEqual([value, 'hit']);
    });

    test('says who made it, when, and what it took', async () => {
      const made = await site.process({ now: () => 1_000_000 });
      await made.complete(await made.hold(task, 1), 'x');
      expect((await made.run(task, 1, () => 'y')).hit).toEqual({
        value: 'x',
        costMs: 1,
        madeAt: 1_000_000,
        madeBy: made.owner,
      });
    });

    test('is each caller’s own copy', async () => {
      const process = await site.process();
      await process.call(task, 1, { list: [1] });
      const [first] = await process.call(task, 1, null);
      (first as { list: number[] }).list.push(2);
      expect(await process.call(task, 1, null)).toEqual([{ list: [1] }, 'hit']);
    });

    test('is of its input, its task and its version alone', async () => {
      const process = await site.process();
      await process.call(task, { x: 1 }, 'mine');
      expect(await process.call(task, { x: 2 }, 'other')).toEqual(['other', 'computed']);
      expect(await process.call(memoTask('other'), { x: 1 }, 'other')).toEqual(['other', 'computed']);
      expect(await process.call(memoTask('locate', { version: '2' }), { x: 1 }, 'newer')).toEqual([
        'newer',
        'computed',
      ]);
      expect(await process.call(task, { x: 1 }, 'none')).toEqual(['mine', 'hit']);
      expect(await process.call(memoTask('locate', { version: '2' }), { x: 1 }, 'none')).toEqual(['newer', 'hit']);
    });

    test('of a function that fails is not stored', async () => {
      const process = await site.process();
      const failing = () => Promise.reject(new Error('not today'));
      await expect(process.run(task, 1, failing)).rejects.toThrow('not today');
      expect(await process.call(task, 1, 'today')).toEqual(['today', 'computed']);
    });

    test('that cannot be stored is an error that names task and path, and the key is free again', async () => {
      const process = await site.process();
      await expect(process.run(task, 1, () => ({ a: [new Map()] }))).rejects.toMatchObject({
        code: 'HF_RESULT_NOT_STORABLE',
        fields: { path: '$.a[0] of the result of task locate', value: 'an instance of Map' },
      });
      expect(await process.call(task, 1, 'fine')).toEqual(['fine', 'computed']);
    });

    test('is taken until it expires, and no longer', async () => {
      let now = 1_000_000;
      const process = await site.process({ now: () => now });
      const hourly = memoTask('hourly', { expires: hour });
      await process.call(hourly, 1, 'first');
      now += hour.ms - 1;
      expect(await process.call(hourly, 1, 'second')).toEqual(['first', 'hit']);
      now += 1;
      expect(await process.call(hourly, 1, 'second')).toEqual(['second', 'computed']);
      expect(await process.call(hourly, 1, 'third')).toEqual(['second', 'hit']);
    });

    test('may name its own end', async () => {
      let now = 1_000_000;
      const process = await site.process({ now: () => now });
      const of = (result: unknown) => new Date(Number(result));
      const naming = memoTask('naming', { expires: { kind: 'function', of } });
      await process.call(naming, 1, 1_000_500);
      now = 1_000_499;
      expect(await process.call(naming, 1, 0)).toEqual([1_000_500, 'hit']);
      now = 1_000_500;
      expect((await process.call(naming, 1, 2_000_000))[1]).toBe('computed');
    });

    test('ends sooner where the task was given a shorter duration since', async () => {
      let now = 1_000_000;
      const process = await site.process({ now: () => now });
      await process.call(task, 1, 'stored for ever');
      now += 2_000;
      const short = memoTask('locate', { expires: { kind: 'after', ms: 1_000 } });
      expect(await process.call(short, 1, 'anew')).toEqual(['anew', 'computed']);
    });

    test('that ends is not taken after the clock was set back, one without an end is', async () => {
      let now = 10_000_000_000;
      const process = await site.process({ now: () => now });
      const hourly = memoTask('hourly', { expires: hour });
      await process.call(hourly, 1, 'from the future');
      await process.call(task, 1, 'for ever');
      now -= 30_000;
      expect(await process.call(hourly, 1, 'anew')).toEqual(['from the future', 'hit']);
      now -= 86_400_000;
      expect(await process.call(hourly, 1, 'anew')).toEqual(['anew', 'computed']);
      expect(await process.call(task, 1, 'anew')).toEqual(['for ever', 'hit']);
    });

    test('is computed anew and replaced where one before a moment is refused', async () => {
      let now = 1_000_000;
      const process = await site.process({ now: () => now });
      await process.call(task, 1, 'old');
      now += 60_000;
      expect(await process.call(task, 1, 'new', now - 30_000)).toEqual(['new', 'computed']);
      expect(await process.call(task, 1, 'newer', now - 30_000)).toEqual(['new', 'hit']);
      expect(await process.call(task, 1, 'newer')).toEqual(['new', 'hit']);
    });

    test('is found for many keys with one query, in order', async () => {
      const process = await site.process();
      await Promise.all(Array.from({ length: 700 }, (_, n) => process.call(task, { n: n * 2 }, n * 2)));
      const keys = Array.from({ length: 1_400 }, (_, n) => process.memoization.keyOf(task, { n }));
      const hits = await process.memoization.lookup(task, keys, { notBefore: null });
      expect(hits.map((hit) => hit?.value ?? null)).toEqual(keys.map((_, n) => (n % 2 === 0 ? n : null)));
    });

    test('of a task with a storage of its own is a file there, whatever its size', async () => {
      const process = await site.process();
      const kept = memoTask('kept', { storage: 'my-results' });
      await process.call(kept, 1, 'small');
      const [entry] = await (await site.entries()).list({ task: 'kept' }, { limit: 1 });
      expect(entry?.file).toMatch(join(site.home.directory, 'my-results'));
      expect(await readFile(entry?.file ?? '', 'utf8')).toBe('"small"');
      expect(await process.call(kept, 1, null)).toEqual(['small', 'hit']);
    });

    test('that is sealed is nowhere in plain, and is taken by who can open it alone', async () => {
      const secret = 'extraordinarily-confidential';
      const process = await site.process({ seal: xor(0x5a) });
      await process.call(task, { secret }, { secret });
      await process.call(memoTask('kept', { storage: 'kept' }), { secret }, { secret });
      expect(await process.call(task, { secret }, null)).toEqual([{ secret }, 'hit']);
      const entries = await site.entries();
      const views = await entries.list({}, { limit: 10 });
      expect(views.map((view) => view.sealed)).toEqual([true, true]);
      const file = views.find((view) => view.file !== null)?.file ?? '';
      for (const path of [file, ...(await storeFiles(site))]) {
        expect((await readFile(path)).includes(secret)).toBe(false);
      }
      expect(await entries.valueOf(views[0]?.key ?? '')).toBeNull();
      expect(await (await site.process()).call(task, { secret }, 'plain')).toEqual(['plain', 'computed']);
      expect(
        await (await site.process({ seal: refusing })).call(memoTask('kept', { storage: 'kept' }), { secret }, 1),
      ).toEqual([1, 'computed']);
    });

    test('in another form than the caller reads is computed anew', async () => {
      const process = await site.process();
      await process.call(task, 1, 'own form');
      const values = {
        encode: (value: unknown) => Buffer.from(`<${value}>`),
        decode: (bytes: Uint8Array) => String(bytes),
      };
      expect(await process.call({ ...task, values }, 1, 'theirs')).toEqual(['theirs', 'computed']);
      expect((await process.call({ ...task, values }, 1, 'theirs'))[1]).toBe('hit');
    });
  });
}

/** Not what anybody should encrypt by. */
const xor = (mask: number): Seal => {
  const turn = async (bytes: Uint8Array) => bytes.map((byte) => byte ^ mask);
  return { seal: turn, unseal: turn };
};
const refusing: Seal = {
  seal: async (bytes) => bytes,
  unseal: () => Promise.reject(new Error('another key')),
};

async function storeFiles(site: MemoSite): Promise<readonly string[]> {
  return (await readdir(site.home.directory))
    .filter((name) => /\.db/.test(name))
    .map((name) => join(site.home.directory, name));
}
