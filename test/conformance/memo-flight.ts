import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { gate, type MemoHome, type MemoProcess, MemoSite, memoTask } from './memo-site.ts';

/** What every memoization store must hold while several ask for the same keys. */
export function describeSingleFlight(title: string, makeHome: () => Promise<MemoHome>): void {
  describe(`${title}: of those who ask for a key`, () => {
    let site: MemoSite;
    let one: MemoProcess;
    let other: MemoProcess;
    const task = memoTask();

    beforeEach(async () => {
      site = new MemoSite(await makeHome());
      [one, other] = [await site.process(), await site.process()];
    });
    afterEach(() => site.end());

    test('in one process, one computes and a thousand take its result', async () => {
      let calls = 0;
      const ready = gate();
      const compute = async () => {
        calls += 1;
        await ready.passed;
        return { calls };
      };
      const running = Array.from({ length: 1_000 }, () => one.run(task, 1, compute));
      await sleep(20);
      ready.open();
      const values = (await Promise.all(running)).map((outcome) => outcome.value);
      expect(calls).toBe(1);
      expect(new Set(values).size).toBe(1_000);
      expect(values[999]).toEqual({ calls: 1 });
    });

    test('in two processes, one computes and the other takes its result', async () => {
      const ready = gate();
      const first = one.run(task, 1, () => ready.passed.then(() => 'one'));
      await sleep(20);
      const second = other.call(task, 1, 'other');
      await sleep(20);
      ready.open();
      expect((await first).hit).toBeNull();
      expect(await second).toEqual(['one', 'hit']);
    });

    test.each([
      ['in the same process', () => one],
      ['in another process', () => other],
    ])('those who wait %s take a result that expires at once', async (_, who) => {
      const brief = memoTask('brief', { expires: { kind: 'after', ms: 0 } });
      const ready = gate();
      const first = one.run(brief, 1, () => ready.passed.then(() => 'one'));
      await sleep(20);
      const second = who().call(brief, 1, 'mine');
      await sleep(20);
      ready.open();
      await first;
      expect(await second).toEqual(['one', 'hit']);
      await sleep(2);
      expect(await who().call(brief, 1, 'mine')).toEqual(['mine', 'computed']);
    });

    test.each([
      ['in the same process', () => one],
      ['in another process', () => other],
    ])('one at a time %s tries next when the holder fails', async (_, who) => {
      let calls = 0;
      let inside = 0;
      const ready = gate();
      const failing = async () => {
        calls += 1;
        inside += 1;
        expect(inside).toBe(1);
        await ready.passed;
        await sleep(1);
        inside -= 1;
        if (calls < 4) throw new Error(`failure ${calls}`);
        return calls;
      };
      const first = one.run(task, 1, failing);
      first.catch(() => {});
      await sleep(20);
      const rest = Array.from({ length: 10 }, () => who().run(task, 1, failing));
      ready.open();
      const settled = await Promise.allSettled([first, ...rest]);
      expect(calls).toBe(4);
      expect(settled.filter((each) => each.status === 'rejected')).toHaveLength(3);
      expect(settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value.value] : []))).toEqual(
        Array(8).fill(4),
      );
    });

    test('one takes over what a dead process held, and what that one stores afterwards is not taken (invariant 8)', async () => {
      const late = await one.hold(task, 1);
      const waiting = other.call(task, 1, 'other');
      await sleep(50);
      site.kill(one);
      expect(await waiting).toEqual(['other', 'computed']);
      await one.complete(late, 'late');
      expect(await other.peek(task, 1)).toBe('other');
    });

    test('a late holder neither overwrites nor ends the claim of the one that took over (invariant 8)', async () => {
      const late = await one.hold(task, 1);
      site.kill(one);
      const current = await other.hold(task, 1);
      await one.complete(late, 'late');
      await one.memoization.release(late);
      expect(await other.peek(task, 1)).toBe('miss');
      expect((await other.claim(task, 1)).kind).toBe('busy');
      await other.complete(current, 'current');
      expect(await one.peek(task, 1)).toBe('current');
    });

    test('what was invalidated while it was computed is not stored, and who waits computes anew (invariant 8)', async () => {
      const entries = await site.entries();
      const claim = await one.hold(task, 1);
      const waiting = [one.call(task, 1, 'anew'), other.call(task, 1, 'anew')];
      await sleep(50);
      await entries.invalidate({ task: 'locate' });
      await one.complete(claim, 'from before');
      expect((await Promise.all(waiting)).map(([value]) => value)).toEqual(['anew', 'anew']);
      expect(await one.peek(task, 1)).toBe('anew');
    });

    test.each([
      ['in the same process', () => one],
      ['in another process', () => other],
    ])('those %s that take nothing from before a moment do not take what was under way then', async (_, who) => {
      const ready = gate();
      const first = one.run(task, 1, () => ready.passed.then(() => 'from before'));
      await sleep(20);
      const second = who().call(task, 1, 'anew', Date.now());
      await sleep(20);
      ready.open();
      expect((await first).value).toBe('from before');
      expect(await second).toEqual(['anew', 'computed']);
      expect(await other.peek(task, 1)).toBe('anew');
    });

    test('those that read another form than the one that computes take nothing from it', async () => {
      const values = {
        encode: (value: unknown) => Buffer.from(`<${value}>`),
        decode: (bytes: Uint8Array) => String(bytes),
      };
      const ready = gate();
      const first = one.run(task, 1, () => ready.passed.then(() => 'own form'));
      await sleep(20);
      const second = one.call({ ...task, values }, 1, 'theirs');
      await sleep(20);
      ready.open();
      expect((await first).value).toBe('own form');
      expect(await second).toEqual(['theirs', 'computed']);
    });

    test('a wait ends with its signal, and leaves the others waiting', async () => {
      const claim = await one.hold(task, 1);
      const ending = new AbortController();
      const [ended, going] = [one.wait(task, 1, ending.signal), one.wait(task, 1)];
      ending.abort(new Error('enough'));
      await expect(ended).rejects.toThrow('enough');
      await one.complete(claim, 'x');
      expect((await going)?.value).toBe('x');
    });

    test('a wait that lasts too long is given up with HF_MEMO_BUSY, without an end to the computing', async () => {
      const claim = await one.hold(task, 1);
      await expect(other.run(task, 1, () => 1, { waitMsMax: 30 })).rejects.toMatchObject({ code: 'HF_MEMO_BUSY' });
      await one.complete(claim, 'x');
      expect(await other.call(task, 1, 'y')).toEqual(['x', 'hit']);
    });

    test('one whose turn it is and who does not come does not hold up the others', async () => {
      const claim = await one.hold(task, 1);
      const absent = one.wait(task, 1);
      const next = one.call(task, 1, 'next');
      await sleep(20);
      await one.memoization.release(claim);
      expect(await absent).toBeNull();
      expect(await next).toEqual(['next', 'computed']);
    });

    test('those that let go when their process ends leave the key to others', async () => {
      await one.hold(task, 1);
      await one.memoization.close();
      expect(await other.call(task, 1, 'other')).toEqual(['other', 'computed']);
    });

    test('two versions of a task at once compute each their own', async () => {
      const ready = gate();
      const versions = ['1', '2'].map((version) => memoTask('locate', { version }));
      const [first, second] = versions.map((each, n) =>
        [one, other][n]?.run(each, 1, () => ready.passed.then(() => each.version)),
      );
      await sleep(20);
      ready.open();
      expect([(await first)?.value, (await second)?.value]).toEqual(['1', '2']);
    });
  });
}
