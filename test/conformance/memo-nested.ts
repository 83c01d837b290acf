import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { gate, type MemoHome, type MemoProcess, MemoSite, memoTask } from './memo-site.ts';

/** What every memoization store must hold of memoized calls that make memoized calls. */
export function describeNestedCalls(title: string, makeHome: () => Promise<MemoHome>): void {
  describe(`${title}: memoized calls within each other`, () => {
    let site: MemoSite;
    let processes: readonly MemoProcess[];
    const task = memoTask();

    beforeEach(async () => {
      site = new MemoSite(await makeHome());
      processes = [await site.process(), await site.process(), await site.process()];
    });
    afterEach(() => site.end());

    test('are memoized each on its own', async () => {
      const [process] = processes as [MemoProcess];
      let calls = 0;
      const factorial = async (n: number): Promise<number> => {
        const { value } = await process.run(task, n, async () => {
          calls += 1;
          return n <= 1 ? 1 : n * (await factorial(n - 1));
        });
        return value as number;
      };
      expect([await factorial(10), await factorial(12)]).toEqual([3_628_800, 479_001_600]);
      expect(calls).toBe(12);
    });

    test('that come back to their own input are an error, and do not wait for themselves (invariant 9)', async () => {
      const [process] = processes as [MemoProcess];
      const round = (n: number): Promise<unknown> => process.run(task, n % 3, () => round(n + 1));
      await expect(round(0)).rejects.toMatchObject({ code: 'HF_MEMO_CYCLE' });
      expect(await process.call(task, 0, 'free')).toEqual(['free', 'computed']);
    });

    test('that the function left behind when it ended are part of it no more', async () => {
      const [process] = processes as [MemoProcess];
      const brief = memoTask('brief', { expires: { kind: 'after', ms: 0 } });
      const { promise: left, resolve } = Promise.withResolvers<unknown>();
      await process.run(brief, 1, () => {
        setTimeout(() => resolve(process.call(brief, 1, 'later')), 20);
        return 'first';
      });
      expect(await left).toEqual(['later', 'computed']);
    });

    test.each([
      ['in one process', () => [0, 0]],
      ['in two processes', () => [0, 1]],
      ['in three processes', () => [0, 1, 2]],
    ])('that wait for each other in a circle %s all end (invariant 9)', async (_, chosen) => {
      const members = chosen();
      const ready = gate();
      let inside = 0;
      // Each computes its own key and asks for the next one's, which is being computed; asked alone, that one needs no other.
      const running = members.map((which, n) =>
        processes[which]?.run(task, { n }, async () => {
          inside += 1;
          if (inside === members.length) ready.open();
          await ready.passed;
          const next = (n + 1) % members.length;
          return [n, (await processes[which]?.run(task, { n: next }, () => `${next} alone`))?.value];
        }),
      );
      const values = (await Promise.all(running)).map((outcome) => outcome?.value);
      expect(values.map((value) => (value as unknown[])[0])).toEqual(members.map((_, n) => n));
      expect(JSON.stringify(values)).toMatch(/alone/);
      // What was computed without a claim was not stored: each key has the result of its holder.
      for (const [n, value] of values.entries()) expect(await processes[0]?.peek(task, { n })).toEqual(value);
    });

    test('leave no edge behind: a wait that ended closes no circle later (invariant 9)', async () => {
      const [first, second] = processes as [MemoProcess, MemoProcess];
      const claim = await second.hold(task, 'b');
      const outer = first.run(task, 'a', async () => (await first.run(task, 'b', () => 'mine')).value);
      await sleep(50);
      await second.complete(claim, 'theirs');
      expect((await outer).value).toBe('theirs');
      const database = await site.database();
      expect(await database.read((tx) => tx.all('SELECT * FROM hf_memo_wait'))).toEqual([]);
    });

    test('of which one of two that wait for a key ends still close a circle with the other (invariant 9)', async () => {
      const [first, second] = processes as [MemoProcess, MemoProcess];
      const [a, b] = [await first.hold(task, 'a'), await second.hold(task, 'b')];
      const key = first.memoization.keyOf(task, 'b');
      const ending = [new AbortController(), new AbortController()];
      const waiting: Promise<unknown>[] = [];
      for (const { signal } of ending) {
        const answer = await first.claim(task, 'b', { enclosing: a });
        if (answer.kind !== 'busy') throw new Error(`The claim was answered ${answer.kind}`);
        waiting.push(first.memoization.wait(task, key, { notBefore: null, signal, waits: answer.waits }));
      }
      for (const [n, expected] of (['circle', 'busy'] as const).entries()) {
        ending[n]?.abort(new Error('enough'));
        await expect(waiting[n]).rejects.toThrow('enough');
        expect((await second.claim(task, 'a', { enclosing: b })).kind).toBe(expected);
      }
    });

    test('of a dead process close no circle: what it held is taken over (invariant 9)', async () => {
      const [dead, living] = processes as [MemoProcess, MemoProcess];
      const held = await dead.hold(task, 'a');
      const mine = await living.hold(task, 'b');
      expect((await dead.claim(task, 'b', { enclosing: held })).kind).toBe('busy');
      expect((await living.claim(task, 'a', { enclosing: mine })).kind).toBe('circle');
      site.kill(dead);
      await sleep(1_100);
      expect((await living.claim(task, 'a', { enclosing: mine })).kind).toBe('mine');
    });

    test('a thousand calls in eight groups that wait for each other’s keys all end (invariant 9)', async () => {
      const [process] = processes as [MemoProcess];
      let calls = 0;
      const groups = Array.from({ length: 8 }, async (_, group) => {
        for (let n = 0; n < 125; n++) {
          const input = (n * 7 + group * 11) % 50;
          await process.run(task, input, async () => {
            calls += 1;
            await sleep(1);
            return input;
          });
        }
      });
      await Promise.all(groups);
      expect(calls).toBe(50);
    });
  });
}
