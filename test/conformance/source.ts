import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Cursor } from '../../definitions/ids.ts';
import type { Source } from '../../definitions/source.ts';
import type { PlannedRange, RangeLimits, ReadRecord, SourcePort, SourceReader } from '../../sources/source.ts';

/** A source to hold against the port: some thousand records, and the items they must make. */
export interface SourceCase {
  readonly name: string;
  /** Makes the source and what it must give, in order; a malformed record is `null`. */
  readonly make: () => Promise<{
    readonly source: Source<unknown>;
    readonly items: readonly unknown[];
    readonly directory: string;
  }>;
  readonly remove?: () => Promise<void>;
}

const NO_LIMIT: RangeLimits = { records: 1_000_000, bytes: 50_000_000 };

export function openSource<Item>(
  source: Source<Item>,
  directory: string,
  previous?: string,
): Promise<SourceReader<Item>> {
  return (source as SourcePort<Item>).open(previous === undefined ? { directory } : { directory, previous });
}

/** Plans from `from` to the end with limits that may differ from range to range. */
export async function planAll(
  reader: SourceReader<unknown>,
  next: () => RangeLimits,
  from: Cursor = reader.start,
): Promise<PlannedRange[]> {
  const ranges: PlannedRange[] = [];
  for (let at = from; ; ) {
    const range = await reader.plan(at, next());
    if (range === null) return ranges;
    ranges.push(range);
    if (range.end) return ranges;
    at = range.next;
  }
}

export async function readRecords<Item>(
  reader: SourceReader<Item>,
  range: PlannedRange,
): Promise<readonly ReadRecord<Item>[]> {
  const read = await reader.read(range);
  if (read.kind === 'changed') throw new Error(read.reason);
  return read.records;
}

export async function readAll<Item>(
  reader: SourceReader<Item>,
  limits: RangeLimits = NO_LIMIT,
): Promise<ReadRecord<Item>[]> {
  const records: ReadRecord<Item>[] = [];
  for (const range of await planAll(reader, () => limits)) records.push(...(await readRecords(reader, range)));
  return records;
}

/** Records as plain values, to compare: places and sizes are getters. */
export function plain(records: readonly ReadRecord<unknown>[]): unknown[] {
  return records.map((record) => {
    const { place, bytes } = record;
    return 'malformed' in record
      ? { malformed: record.malformed, raw: record.raw, place, bytes }
      : { item: record.item, place, bytes };
  });
}

export function itemsOf(records: readonly ReadRecord<unknown>[]): unknown[] {
  return records.map((record) => ('malformed' in record ? null : record.item));
}

/** What every source promises, whatever it reads. */
export function describeSource({ name, make, remove }: SourceCase): void {
  describe(`the source ${name}`, () => {
    let made: Awaited<ReturnType<typeof make>>;
    let reader: SourceReader<unknown>;
    beforeAll(async () => {
      made = await make();
      reader = await openSource(made.source, made.directory);
    });
    afterAll(async () => {
      await reader.close();
      await remove?.();
    });

    test('gives every record once and in order', async () => {
      expect(itemsOf(await readAll(reader))).toEqual(made.items);
    });

    test('gives the same records however it is split into ranges', async () => {
      const whole = plain(await readAll(reader));
      const limits = fc.record({
        records: fc.integer({ min: 1, max: 700 }),
        bytes: fc.integer({ min: 100, max: 40_000 }),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(limits, { minLength: 1, maxLength: 8 }), async (all) => {
          let turn = 0;
          const ranges = await planAll(reader, () => all[turn++ % all.length]!);
          const found: unknown[] = [];
          for (const [n, range] of ranges.entries()) {
            const limit = all[n % all.length]!;
            const records = await readRecords(reader, range);
            expect(records).toHaveLength(range.records);
            expect(range.records).toBeLessThanOrEqual(limit.records);
            expect(range.records === 1 || range.bytes <= limit.bytes).toBe(true);
            found.push(...plain(records));
          }
          expect(found).toEqual(whole);
        }),
        { numRuns: 10 },
      );
    });

    test('ranges follow each other without a gap, and only the last is the end', async () => {
      const ranges = await planAll(reader, () => ({ records: 300, bytes: 1_000_000 }));
      for (const [n, range] of ranges.entries()) {
        expect(range.from).toBe(n === 0 ? reader.start : ranges[n - 1]!.to);
        expect(range.end).toBe(n === ranges.length - 1);
      }
      expect(ranges.reduce((sum, range) => sum + range.records, 0)).toBe(made.items.length);
    });

    test('planning again from a cursor gives the same range, in another reader too', async () => {
      const ranges = await planAll(reader, () => ({ records: 100, bytes: 1_000_000 }));
      const other = await openSource(made.source, made.directory);
      for (const range of [ranges.at(-1)!, ranges[1]!, ranges[0]!]) {
        expect(await other.plan(range.from, { records: 100, bytes: 1_000_000 })).toEqual(range);
        expect(plain(await readRecords(other, range))).toEqual(plain(await readRecords(reader, range)));
      }
      await other.close();
    });

    test('ranges can be read in any order, and again', async () => {
      const ranges = await planAll(reader, () => ({ records: 200, bytes: 1_000_000 }));
      const forward = await Promise.all(ranges.map((range) => readRecords(reader, range)));
      for (const [n, range] of [...ranges.entries()].reverse()) {
        expect(plain(await readRecords(reader, range))).toEqual(plain(forward[n]!));
      }
    });

    test('behind the end there is nothing to plan', async () => {
      const last = (await planAll(reader, () => ({ records: 300, bytes: 1_000_000 }))).at(-1)!;
      if (last.next === last.to) expect(await reader.plan(last.next, { records: 10, bytes: 1000 })).toBeNull();
    });

    test('cursors, states and the identity are JSON text', async () => {
      const range = (await reader.plan(reader.start, { records: 1, bytes: 1 }))!;
      for (const text of [
        reader.start,
        range.to,
        range.next,
        await reader.state(),
        (made.source as SourcePort<unknown>).identity,
      ]) {
        expect(() => JSON.parse(text)).not.toThrow();
      }
    });
  });
}
