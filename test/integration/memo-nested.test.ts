import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { defineJob, defineTask, items } from 'holdfast';
import { TestEnvironment } from 'holdfast/testing';

let holdfast: TestEnvironment;

beforeAll(async () => {
  holdfast = await TestEnvironment.create();
}, 60_000);

afterAll(() => holdfast.close());

const towns = ['Delft', 'Gouda', 'Leiden'];
const orders = (count: number) =>
  items(Array.from({ length: count }, (_, n) => ({ id: `o${n}`, town: towns[n % 3] as string })));

describe('a memoized task called inside run', () => {
  test('is computed once for each input, over items, jobs and generations', async () => {
    const asked: string[] = [];
    const locate = defineTask({
      name: 'locate',
      async run({ town }: { town: string }) {
        asked.push(town);
        await new Promise((resolve) => setTimeout(resolve, 30));
        return { town, at: new Date(5), area: 12n, seal: new Uint8Array([1, 2]), note: undefined };
      },
      memoize: { expires: '1 day' },
    });
    const job = (name: string) =>
      defineJob({
        name,
        source: orders(30),
        key: (order) => order.id,
        run: async (order) => {
          const place = await locate({ town: order.town });
          return [place.town, place.at.getTime(), place.area + 1n, place.seal, 'note' in place];
        },
      });

    const first = await (await holdfast.run(job('first'))).result();
    expect([...asked].sort()).toEqual(towns);
    expect(first).toMatchObject({ calls: { made: 30 }, memo: { hits: 27, misses: 3 } });

    const handle = await holdfast.run(job('second'));
    const second = await handle.result();
    expect(asked).toHaveLength(3);
    expect(second.memo).toMatchObject({ hits: 30, misses: 0 });
    expect(second.memo.savedMs).toBeGreaterThanOrEqual(30 * 25);
    const [result] = await Array.fromAsync(handle.results());
    expect(result).toMatchObject({ key: 'o0', result: ['Delft', 5, 13n, new Uint8Array([1, 2]), true] });
  }, 60_000);

  test('within another memoized task, both are computed once', async () => {
    const calls: string[] = [];
    const country = defineTask({
      name: 'country',
      run: async (town: string) => {
        calls.push(`country of ${town}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
        return 'NL';
      },
      memoize: {},
    });
    const address = defineTask({
      name: 'address',
      run: async ({ id, town }: { id: string; town: string }) => {
        calls.push(`address of ${id}`);
        return `${id} ${town} ${await country(town)}`;
      },
      memoize: {},
    });
    const job = defineJob({ name: 'addresses', source: orders(60), key: (order) => order.id, task: address });

    const summary = await (await holdfast.run(job)).result();

    expect(calls).toHaveLength(63);
    expect(new Set(calls).size).toBe(63);
    expect(summary.memo).toMatchObject({ hits: 57, misses: 63 });
  }, 60_000);

  test('is given its input as it was when it was called, whatever becomes of that', async () => {
    const page = defineTask({
      name: 'page',
      run: async (query: { n: number; seen?: boolean }) => {
        query.seen = true;
        await new Promise((resolve) => setTimeout(resolve, 5));
        return `page ${query.n}`;
      },
      memoize: {},
    });
    const run = async () => {
      const query = { n: 0 };
      const pages: Promise<string>[] = [];
      for (; query.n < 3; query.n++) pages.push(page(query));
      return [...(await Promise.all(pages)), ...(await Promise.all([0, 1, 2].map((n) => page({ n })))), query];
    };
    const handle = await holdfast.run(defineJob({ name: 'pages', source: items([1]), key: (n) => n, run }));

    const [result] = await Array.fromAsync(handle.results());
    expect(result?.result).toEqual(['page 0', 'page 1', 'page 2', 'page 0', 'page 1', 'page 2', { n: 3 }]);
    expect((await handle.result()).memo).toMatchObject({ hits: 3, misses: 3 });
  }, 60_000);

  test('that calls itself with the same input is refused instead of waiting for itself (invariant 9)', async () => {
    const turn: { again: (n: number) => Promise<number> } = { again: async () => 0 };
    const one = defineTask({ name: 'one', run: (n: number) => turn.again(n), memoize: {} });
    const other = defineTask({ name: 'other', run: (n: number) => one(n), memoize: {} });
    turn.again = other;
    const job = defineJob({ name: 'circle', source: items([1]), key: (n) => n, run: (n) => one(n) });

    const handle = await holdfast.run(job);

    const [failure] = await Array.fromAsync(handle.failures());
    expect(failure).toMatchObject({ error: { code: 'HF_MEMO_CYCLE' } });
  }, 60_000);

  test('names the task, and the path of an input or a result that cannot be stored', async () => {
    const result = (n: unknown): unknown => ({ given: typeof n, fn: () => 1 });
    const strange = defineTask({
      name: 'strange',
      run: result,
      memoize: {},
    });
    const job = (name: string, input: unknown) =>
      defineJob({ name, source: items([1]), key: (n) => n, tolerate: { failures: 1 }, run: () => strange(input) });

    const badKey = await holdfast.run(job('bad-key', { list: [1, undefined] }));
    const [first] = await Array.fromAsync(badKey.failures());
    expect(first?.error.message).toMatch(/task strange cannot be computed: \$\.list\[1\] is undefined/);
    const badResult = await holdfast.run(job('bad-result', 1));
    const [second] = await Array.fromAsync(badResult.failures());
    expect(second?.error.message).toMatch(/\$\.fn.*task strange/);
  }, 60_000);
});

describe('ctx.once in tasks called inside run', () => {
  test('steps of one name in two tasks, or for two inputs, are steps of their own', async () => {
    const step = (name: string) =>
      defineTask({ name, run: (n: number, ctx) => ctx.once('reserve', () => `${name} ${n}`) });
    const [seat, room] = [step('seat'), step('room')];
    const job = defineJob({
      name: 'reserve',
      source: items(['a']),
      key: (item) => item,
      run: async (_, ctx) => [await ctx.once('reserve', () => 'own'), await seat(1), await seat(2), await room(1)],
    });

    const handle = await holdfast.run(job);

    const [result] = await Array.fromAsync(handle.results());
    expect(result).toMatchObject({ result: ['own', 'seat 1', 'seat 2', 'room 1'] });
  }, 60_000);
});

describe('refresh', () => {
  test('of a task computes once a run; of a run, its results are taken by the next', async () => {
    let calls = 0;
    const fresh = defineTask({ name: 'fresh', run: () => ++calls, memoize: { refresh: true } });
    const kept = defineTask({ name: 'kept', run: () => ++calls, memoize: {} });
    const job = (task: typeof fresh) =>
      defineJob({ name: `of-${task.name}`, source: items(['a', 'b', 'c']), key: (item) => item, run: () => task(1) });
    const run = async (task: typeof fresh, options: { again?: boolean; refresh?: boolean } = {}) =>
      (await (await holdfast.run(job(task), options)).result()).memo;

    expect(await run(fresh)).toMatchObject({ hits: 2, misses: 1 });
    expect(await run(fresh, { again: true })).toMatchObject({ hits: 2, misses: 1 });
    expect(calls).toBe(2);
    expect(await run(kept as never)).toMatchObject({ hits: 2, misses: 1 });
    expect(await run(kept as never, { again: true, refresh: true })).toMatchObject({ hits: 2, misses: 1 });
    expect(await run(kept as never, { again: true })).toMatchObject({ hits: 3, misses: 0 });
    expect(calls).toBe(4);
  }, 60_000);
});
