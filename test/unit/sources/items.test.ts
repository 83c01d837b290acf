import { Readable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { items } from '../../../sources/items.ts';
import type { PlannedRange } from '../../../sources/source.ts';
import { itemsOf, openSource, planAll, readRecords } from '../../conformance/source.ts';

async function* none(): AsyncIterable<PlannedRange> {}
const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);
const LIMITS = { records: 1000, bytes: 1 };

describe('items', () => {
  test('an iterable is iterated once for planning ahead and reading behind', async () => {
    let begun = 0;
    const source = items(() => {
      begun++;
      return new Set(numbers(30_000));
    });
    const planner = await openSource(source, '/');
    const ranges = await planAll(planner, () => LIMITS);
    const reader = await openSource(source, '/');
    for (const [n, range] of ranges.entries()) expect(itemsOf(await readRecords(reader, range))[0]).toBe(n * 1000);
    expect(begun).toBe(1);
  });

  test('what lies before the window is reached by iterating anew', async () => {
    let begun = 0;
    const reader = await openSource(
      items(async function* () {
        begun++;
        yield* numbers(100_000);
      }),
      '/',
    );
    const ranges = await planAll(reader, () => LIMITS);
    for (const range of ranges) await readRecords(reader, range);
    expect(begun).toBe(1);
    expect(itemsOf(await readRecords(reader, ranges[0]!))).toEqual(numbers(1000));
    expect(begun).toBe(2);
  });

  test('a generator or a stream that must be read again late says so, and goes on with the rest', async () => {
    const generator = (function* () {
      yield* numbers(100_000);
    })();
    for (const once of [generator, Readable.from(numbers(100_000))]) {
      const reader = await openSource(items<unknown>(once), '/');
      const ranges = [];
      for (let at = reader.start; ranges.length < 90; at = ranges.at(-1)!.next) {
        ranges.push((await reader.plan(at, LIMITS))!);
        await readRecords(reader, ranges.at(-1)!);
      }
      await expect(readRecords(reader, ranges[0]!)).rejects.toMatchObject({ code: 'HF_SOURCE_NOT_REPEATABLE' });
      expect(itemsOf(await readRecords(reader, (await reader.plan(ranges.at(-1)!.next, LIMITS))!))[0]).toBe(90_000);
    }
  });

  test('an array that became longer has grown; other or fewer items replace it', async () => {
    const state = await (await openSource(items([1, 2, 3]), '/')).state();
    const compare = async (now: readonly number[]) =>
      (await (await openSource(items(now), '/')).compare(state, none)).kind;
    expect(await compare([1, 2, 3])).toBe('same');
    expect(await compare([1, 2, 3, 4])).toBe('grown');
    expect(await compare([1, 2, 4])).toBe('replaced');
    expect(await compare([1, 2])).toBe('replaced');
  });

  test('a record has its index and the size of its JSON text', async () => {
    const reader = await openSource(items<unknown>([{ a: 'é' }, undefined, 1n]), '/');
    const records = await readRecords(reader, (await reader.plan(reader.start, LIMITS))!);
    expect(records.map(({ place, bytes }) => [place.index, bytes])).toEqual([
      [0, 10],
      [1, 0],
      [2, 0],
    ]);
  });

  test('a string is refused: it is a path by mistake', () => {
    expect(() => items('orders.csv')).toThrow('give an array');
  });
});
