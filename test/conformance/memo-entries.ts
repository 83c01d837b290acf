import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { MemoEntries } from '../../memoization/entries.ts';
import { type MemoHome, type MemoProcess, MemoSite, memoTask } from './memo-site.ts';

const LARGE = 'x'.repeat(100_000);

/** What commands must learn from every memoization store. */
export function describeEntries(title: string, makeHome: () => Promise<MemoHome>): void {
  describe(`${title}: of what is stored`, () => {
    let site: MemoSite;
    let process: MemoProcess;
    let entries: MemoEntries;
    let now = 1_000_000;
    const task = memoTask();
    const brief = memoTask('brief', { expires: { kind: 'after', ms: 1_000 } });

    beforeEach(async () => {
      now = 1_000_000;
      site = new MemoSite(await makeHome());
      process = await site.process({ now: () => now });
      entries = await site.entries({ now: () => now });
    });
    afterEach(() => site.end());

    const keyOf = (input: unknown, of = task) => process.memoization.keyOf(of, input);
    const reasonOf = async (input: unknown, of = task) => {
      const explanation = await entries.explain(of, keyOf(input, of));
      return explanation.kind === 'hit' ? 'hit' : explanation.reason;
    };
    const fileOf = async (input: unknown, of = task): Promise<string> => {
      const [view] = await entries.find(keyOf(input, of).hash);
      return view?.file ?? '';
    };

    test('stats tell entries, sizes and ages of each task and version, and the costs of what is valid', async () => {
      await process.complete(await process.hold(task, 1), 'abc');
      now += 5;
      await process.complete(await process.hold(task, 2), 'abc');
      await process.complete(await process.hold(brief, 1), 'a');
      await process.hold(memoTask('locate', { version: '2' }), 1);
      now += 2_000;
      const none = {
        entries: 0,
        expired: 0,
        invalidated: 0,
        running: 0,
        bytes: 0,
        costMs: 0,
        oldestAt: null,
        newestAt: null,
      };
      const [made, later] = [1_000_000, 1_000_005];
      expect(await entries.stats()).toEqual([
        {
          ...none,
          task: 'brief',
          version: '1',
          entries: 1,
          expired: 1,
          bytes: 3,
          oldestAt: later,
          newestAt: later,
        },
        { ...none, task: 'locate', version: '1', entries: 2, bytes: 10, costMs: 2, oldestAt: made, newestAt: later },
        { ...none, task: 'locate', version: '2', running: 1 },
      ]);
    });

    test('lists are the newest first, of what fits the selection', async () => {
      for (const n of [1, 2, 3]) {
        now += 10;
        await process.call(task, { n }, n);
        await process.call(memoTask('locate', { version: '2' }), { n }, n);
        await process.call(memoTask('other'), { n }, n);
      }
      const listed = async (selection: object) =>
        (await entries.list(selection, { limit: 10 })).map((view) => `${view.task} ${view.version} ${view.parts.n}`);
      expect(await listed({ task: 'locate', version: '1' })).toEqual(['locate 1 3', 'locate 1 2', 'locate 1 1']);
      expect(await listed({ version: '2', madeBefore: 1_000_030 })).toEqual(['locate 2 2', 'locate 2 1']);
      expect(await listed({ key: keyOf({ n: 2 }).hash.slice(0, 12).toUpperCase() })).toEqual(['locate 1 2']);
      expect(await listed({ key: keyOf({ n: 2 }).hash })).toEqual(['locate 1 2']);
      expect(await listed({ key: `${keyOf({ n: 2 }).hash.slice(0, 40)}ffffffff` })).toEqual([]);
      expect(await listed({ key: 'not hexadecimal' })).toEqual([]);
      expect(await entries.list({}, { limit: 4 })).toHaveLength(4);
    });

    test('an entry is shown with all that is known of it, and its value', async () => {
      await process.complete(await process.hold(brief, { x: 1, y: new Date(5) }), { sum: 1n });
      const { hash } = keyOf({ x: 1, y: new Date(5) }, brief);
      expect(await entries.find(hash.slice(0, 8))).toEqual([
        {
          key: hash,
          task: 'brief',
          version: '1',
          parts: { x: '1', y: '{"$hf":["date",5]}' },
          state: 'valid',
          madeAt: now,
          madeBy: process.owner,
          expiresAt: now + 1_000,
          invalidatedAt: null,
          costMs: 1,
          bytes: 30,
          file: null,
          sealed: false,
        },
      ]);
      expect(await entries.valueOf(hash)).toEqual({ value: { sum: 1n } });
      expect(await entries.valueOf(keyOf('another').hash)).toBeNull();
    });

    test('the state of each is told', async () => {
      await process.call(task, 'valid', 1);
      await process.call(brief, 'expired', 1);
      await process.call(task, 'invalidated', 1);
      await process.call(task, 'damaged', LARGE);
      await writeFile(await fileOf('damaged'), 'short');
      await entries.invalidate({ key: keyOf('invalidated').hash });
      await process.hold(task, 'running');
      now += 1_000;
      const views = await entries.list({}, { limit: 10 });
      const states = new Map(views.map((view) => [view.key, view.state]));
      for (const state of ['valid', 'invalidated', 'damaged', 'running'])
        expect(states.get(keyOf(state).hash)).toBe(state);
      expect(states.get(keyOf('expired', brief).hash)).toBe('expired');
      expect((await entries.find(keyOf('running').hash))[0]?.state).toBe('running');
    });

    test('a hit is explained by its entry', async () => {
      await process.call(task, 1, 'x');
      const explanation = await entries.explain(task, keyOf(1));
      expect(explanation).toMatchObject({
        kind: 'hit',
        key: keyOf(1).hash,
        entry: { madeBy: process.owner, madeAt: now },
      });
    });

    test('a miss is explained: never computed', async () => {
      expect(await reasonOf({ x: 1 })).toEqual({ kind: 'never' });
      await process.call(task, 'sum:1:2', 3);
      expect(await reasonOf('sum:1:3')).toEqual({ kind: 'never' });
    });

    test('a miss is explained: expired, also where the task’s duration is shorter by now', async () => {
      await process.call(brief, 1, 1);
      await process.call(task, 1, 1);
      now += 1_500;
      expect(await reasonOf(1, brief)).toEqual({ kind: 'expired', at: 1_001_000 });
      const shorter = memoTask('locate', { expires: { kind: 'after', ms: 500 } });
      expect(await reasonOf(1, shorter)).toEqual({ kind: 'expired', at: 1_000_500 });
    });

    test('a miss is explained: computed under another version, the newest of those', async () => {
      await process.call(task, { x: 1 }, 1);
      now += 1;
      await process.call(memoTask('locate', { version: '2' }), { x: 1 }, 1);
      expect(await reasonOf({ x: 1 }, memoTask('locate', { version: '3' }))).toEqual({
        kind: 'version',
        from: '2',
        to: '3',
      });
    });

    test('a miss is explained: which part of the input changed, against the nearest entry', async () => {
      await process.call(task, { town: 'Ulm', street: 'a', nr: 1 }, 1);
      await process.call(task, { town: 'Ulm', street: 'b', nr: 2 }, 1);
      await process.call(task, { town: 'Bonn', street: 'c', nr: 3 }, 1);
      expect(await reasonOf({ town: 'Ulm', street: 'b', nr: 3 })).toEqual({
        kind: 'part',
        changes: [{ part: 'nr', from: '2', to: '3' }],
        nearest: keyOf({ town: 'Ulm', street: 'b', nr: 2 }).hash,
      });
      expect(await reasonOf({ town: 'Ulm', street: 'b', nr: 2, floor: 1 })).toMatchObject({
        changes: [{ part: 'floor', from: null, to: '1' }],
      });
      expect(await reasonOf({ town: 'Köln', street: 'z', nr: 9 })).toEqual({ kind: 'never' });
    });

    test('a miss is explained: invalidated, damaged, or being computed', async () => {
      await process.call(task, 1, 1);
      await process.call(task, 2, LARGE);
      const file = await fileOf(2);
      await writeFile(file, LARGE.replace('x', 'y'));
      await process.hold(task, 3);
      now += 7;
      await entries.invalidate({ key: keyOf(1).hash });
      expect(await reasonOf(1)).toEqual({ kind: 'invalidated', at: now });
      expect(await reasonOf(2)).toEqual({ kind: 'damaged', file });
      expect(await reasonOf(3)).toEqual({ kind: 'running' });
    });

    test('the reasons of many keys are told at once, in order', async () => {
      await Promise.all(Array.from({ length: 600 }, (_, n) => process.call(task, n, n)));
      await process.call(memoTask('locate', { version: '0' }), 700, 1);
      await entries.invalidate({ key: keyOf(5).hash });
      const keys = [...Array(600).keys(), 700, 701].map((n) => keyOf(n));
      const reasons = await entries.reasonsOf(task, keys);
      const kinds = Array.from({ length: 600 }, (_, n) => (n === 5 ? 'invalidated' : 'hit'));
      expect(reasons.map((reason) => reason?.kind ?? 'hit')).toEqual([...kinds, 'version', 'never']);
    });

    test('costs are told as a range of a task’s stored results', async () => {
      expect(await entries.costsOf(task)).toBeNull();
      for (let n = 0; n <= 10; n++) {
        const claim = await process.hold(task, n);
        await process.memoization.complete({ claim, value: n, input: n, costMs: n * 10, madeBy: 'x' });
      }
      expect(await entries.costsOf(task)).toEqual({ count: 11, lowMs: 10, medianMs: 50, highMs: 90 });
    });

    test.each<[string, (key: string) => object, readonly number[]]>([
      ['a task', () => ({ task: 'locate' }), [1, 2, 3]],
      ['a version', () => ({ version: '1' }), [1, 2, 3, 4]],
      ['a key', (key) => ({ key }), [2]],
      ['the beginning of a key', (key) => ({ key: key.slice(0, 10) }), [2]],
      ['an age', () => ({ madeBefore: 1_000_002 }), [1]],
      ['task and age', () => ({ task: 'other', madeBefore: 1_000_009 }), [4]],
    ])('what is invalidated by %s is computed anew, the rest is not', async (_, select, chosen) => {
      const tasks = [task, task, task, memoTask('other')];
      for (const [n, of] of tasks.entries()) {
        now += 1;
        await process.call(of, n + 1, n + 1);
      }
      expect(await entries.invalidate(select(keyOf(2).hash))).toBe(chosen.length);
      expect(await entries.invalidate(select(keyOf(2).hash))).toBe(0);
      for (const [n, of] of tasks.entries()) {
        expect((await process.call(of, n + 1, 'anew'))[1]).toBe(chosen.includes(n + 1) ? 'computed' : 'hit');
      }
    });

    test('a result from a clock that is ahead is invalidated as well', async () => {
      now += 3_600_000;
      await process.call(task, 1, 'from the future');
      now -= 3_600_000;
      expect(await entries.invalidate({ task: 'locate' })).toBe(1);
      expect(await process.call(task, 1, 'anew')).toEqual(['anew', 'computed']);
    });
  });
}
