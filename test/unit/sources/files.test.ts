import {
  appendFile,
  chmod,
  mkdir,
  mkdtemp,
  open,
  rename,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { isHoldfastError } from '../../../definitions/errors.ts';
import type { Cursor } from '../../../definitions/ids.ts';
import { csv } from '../../../sources/csv.ts';
import { jsonl } from '../../../sources/jsonl.ts';
import type { PlannedRange, SourceReader } from '../../../sources/source.ts';
import { itemsOf, openSource, planAll, readAll, readRecords } from '../../conformance/source.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-files-'));
});
afterEach(() => rm(directory, { recursive: true }));

const at = (name: string) => join(directory, name);
const LIMITS = { records: 2, bytes: 1_000_000 };

async function codeOf(work: () => Promise<unknown>): Promise<string> {
  const error: unknown = await work().then(
    () => null,
    (caught: unknown) => caught,
  );
  return isHoldfastError(error) ? error.code : String(error);
}

async function* each(ranges: readonly PlannedRange[]): AsyncIterable<PlannedRange> {
  yield* ranges;
}

describe('opening says what is wrong, with the file', () => {
  test('missing, also as a glob that matches nothing', async () => {
    expect(await codeOf(() => openSource(jsonl('no.jsonl'), directory))).toBe('HF_SOURCE_MISSING');
    expect(await codeOf(() => openSource(jsonl('*.jsonl'), directory))).toBe('HF_SOURCE_EMPTY_GLOB');
    await writeFile(at('a.jsonl'), '');
    await expect(openSource(jsonl(['a.jsonl', 'b.jsonl']), directory)).rejects.toThrow(
      `b.jsonl does not exist: check the path, it is relative to ${directory}`,
    );
  });

  test('a directory, a compressed file, a URL of another kind', async () => {
    await mkdir(at('d'));
    expect(await codeOf(() => openSource(jsonl('d'), directory))).toBe('HF_SOURCE_IS_DIRECTORY');
    await writeFile(at('a.jsonl.gz'), '');
    await expect(openSource(jsonl('a.jsonl.gz'), directory)).rejects.toThrow(
      'a.jsonl.gz cannot be read: it is compressed',
    );
    await expect(openSource(jsonl('https://example.org/a.jsonl'), directory)).rejects.toThrow('not https URLs');
    await expect(openSource(jsonl(new URL('s3://bucket/a.jsonl')), directory)).rejects.toThrow('not s3 URLs');
  });

  const asRoot = process.getuid?.() === 0;
  (asRoot ? test.skip : test)('a file without permission', async () => {
    await writeFile(at('a.jsonl'), '');
    await chmod(at('a.jsonl'), 0);
    expect(await codeOf(() => openSource(jsonl('a.jsonl'), directory))).toBe('HF_SOURCE_UNREADABLE');
  });
});

describe('paths', () => {
  test('a glob is sorted, a file that is named like one is itself, and no file is read twice', async () => {
    for (const name of ['b.jsonl', 'a.jsonl', 'c[1].jsonl', 'c1.jsonl']) await writeFile(at(name), `"${name}"\n`);
    const read = async (paths: string | (string | URL)[]) =>
      itemsOf(await readAll(await openSource(jsonl(paths), directory)));
    expect(await read('{b,a}.jsonl')).toEqual(['a.jsonl', 'b.jsonl']);
    expect(await read('c[1].jsonl')).toEqual(['c[1].jsonl']);
    expect(await read(['b.jsonl', '*.jsonl'])).toEqual(['b.jsonl', 'a.jsonl', 'c1.jsonl', 'c[1].jsonl']);
    expect(await read(join(directory, '[ab].jsonl'))).toEqual(['a.jsonl', 'b.jsonl']);
    expect(await read([pathToFileURL(at('a.jsonl')), pathToFileURL(at('b.jsonl')).href])).toEqual([
      'a.jsonl',
      'b.jsonl',
    ]);
  });
});

describe('a restart seeks', () => {
  test('records behind a hole of eight gigabytes are read at once', async () => {
    const file = await open(at('a.jsonl'), 'w');
    await file.write('{"n":1}\n', 0);
    const far = 8 * 1024 ** 3;
    await file.write('\n{"n":2}\n{"n":3}\n', far - 1);
    await file.close();
    const reader = await openSource(jsonl('a.jsonl'), directory);
    const range = (await reader.plan(`{"f":0,"b":${far},"l":7}` as Cursor, LIMITS))!;
    const records = await readRecords(reader, range);
    expect(itemsOf(records)).toEqual([{ n: 2 }, { n: 3 }]);
    expect(records[1]!.place).toEqual({ file: 'a.jsonl', line: 8, byte: far + 8 });
  });

  test('a line larger than 64 MiB is one malformed record, in a range of its own, and never held in memory', async () => {
    const file = await open(at('a.jsonl'), 'w');
    await file.write('{"n":1}\n', 0);
    const far = 100 * 1024 ** 2;
    await file.write('\n{"n":2}\n', far);
    await file.close();
    const reader = await openSource(jsonl('a.jsonl'), directory);
    const ranges = await planAll(reader, () => ({ records: 1000, bytes: 8_000_000 }));
    expect(ranges.map((range) => range.records)).toEqual([1, 1, 1]);
    const huge = (await readRecords(reader, ranges[1]!))[0]!;
    expect(huge).toMatchObject({ malformed: expect.stringContaining('more than 67108864'), bytes: far - 7 });
    expect(itemsOf(await readAll(reader))).toEqual([{ n: 1 }, null, { n: 2 }]);
  });
});

describe('a file that is still growing', () => {
  const complete = async (first: string, second: string, make = () => jsonl('a.jsonl')) => {
    await writeFile(at('a.jsonl'), first);
    const reader = await openSource(make(), directory);
    const ranges = await planAll(reader, () => ({ records: 100, bytes: 1_000_000 }));
    const before = await readRecords(reader, ranges.at(-1)!);
    const state = await reader.state();
    await appendFile(at('a.jsonl'), second);
    const later = await openSource(make(), directory, state);
    expect(await later.compare(state, () => each(ranges))).toEqual({ kind: 'grown' });
    const more = await planAll(later, () => LIMITS, ranges.at(-1)!.next);
    const after = [];
    for (const range of more) after.push(...(await readRecords(later, range)));
    return { before: itemsOf(before), after: itemsOf(after) };
  };

  test('an unterminated last record is read, and read again when the file has grown', async () => {
    expect(await complete('1\n2\n"thr', 'ee"\n4\n')).toEqual({ before: [1, 2, null], after: ['three', 4] });
    expect(await complete('1\n22', '3\n')).toEqual({ before: [1, 22], after: [223] });
    expect(await complete('1\n2\n', '3\n')).toEqual({ before: [1, 2], after: [3] });
  });

  test('an open quote at the end is read again from its record on when the file has grown', async () => {
    const make = () => csv('a.jsonl');
    expect(await complete('a,b\n1,x\n2,"first\nsec', 'ond"\n3,y\n', make)).toEqual({
      before: [{ a: '1', b: 'x' }, null, null],
      after: [
        { a: '2', b: 'first\nsecond' },
        { a: '3', b: 'y' },
      ],
    });
  });

  test('the same reader goes on in it', async () => {
    await writeFile(at('a.jsonl'), '1\n2\n');
    const reader = await openSource(jsonl('a.jsonl'), directory);
    const range = (await reader.plan(reader.start, { records: 5, bytes: 100 }))!;
    await appendFile(at('a.jsonl'), '3\n');
    const next = (await reader.plan(range.next, { records: 5, bytes: 100 }))!;
    expect(itemsOf(await readRecords(reader, next))).toEqual([3]);
  });
});

describe('a change is noticed', () => {
  let reader: SourceReader<unknown>;
  let ranges: PlannedRange[];
  let state = '';
  const text = '"a1"\n"a2"\n"a3"\n"a4"\n"a5"\n';
  beforeEach(async () => {
    await writeFile(at('a.jsonl'), text);
    await writeFile(at('b.jsonl'), '"b1"\n"b2"\n');
    reader = await openSource(jsonl('*.jsonl'), directory);
    ranges = await planAll(reader, () => LIMITS);
    state = await reader.state();
  });
  const compare = async () => (await openSource(jsonl('*.jsonl'), directory, state)).compare(state, () => each(ranges));

  test('nothing done, touched, or copied over with equal content: the same', async () => {
    expect(await compare()).toEqual({ kind: 'same' });
    await utimes(at('a.jsonl'), 1, 1);
    expect(await compare()).toEqual({ kind: 'same' });
    await writeFile(at('copy'), '"b1"\n"b2"\n');
    await rename(at('copy'), at('b.jsonl'));
    expect(await compare()).toEqual({ kind: 'same' });
  });

  test('a record changed without a change of size, a shorter file, a file removed: replaced', async () => {
    await writeFile(at('a.jsonl'), text.replace('a3', 'x3'));
    expect(await compare()).toEqual({
      kind: 'replaced',
      reason: 'a.jsonl has other content in bytes 10 to 20 than when it was read',
    });
    await truncate(at('a.jsonl'), 10);
    expect(await compare()).toEqual({ kind: 'replaced', reason: 'a.jsonl has 10 bytes, and had 25 when it was read' });
    await rm(at('a.jsonl'));
    expect(await compare()).toEqual({ kind: 'replaced', reason: 'a.jsonl is no longer one of its files' });
  });

  test('more in the file that was read last, or in one not reached: grown; in one before it: replaced', async () => {
    await appendFile(at('b.jsonl'), '"b3"\n');
    expect(await compare()).toEqual({ kind: 'grown' });
    await appendFile(at('a.jsonl'), '"a6"\n');
    expect(await compare()).toMatchObject({ kind: 'replaced', reason: expect.stringContaining('a.jsonl grew') });
    ranges = ranges.slice(0, 1);
    expect(await compare()).toEqual({ kind: 'grown' });
  });

  test('a new file comes behind those known, whatever its name', async () => {
    await writeFile(at('a0.jsonl'), '"new"\n');
    expect(await compare()).toEqual({ kind: 'grown' });
    const later = await openSource(jsonl('*.jsonl'), directory, state);
    const more = await planAll(later, () => LIMITS, ranges.at(-1)!.next);
    expect(more).toHaveLength(1);
    expect(itemsOf(await readRecords(later, more[0]!))).toEqual(['new']);
  });

  test('a planned range that changed hands out no record, and says the file', async () => {
    await writeFile(at('a.jsonl'), text.replace('a1', 'x1'));
    expect(await reader.read(ranges[0]!)).toEqual({
      kind: 'changed',
      reason: expect.stringContaining('a.jsonl has other content in bytes 0 to 10'),
    });
    expect((await reader.read(ranges[1]!)).kind).toBe('records');
    await truncate(at('a.jsonl'), 3);
    expect(await reader.read(ranges[1]!)).toEqual({
      kind: 'changed',
      reason: expect.stringContaining('a.jsonl ends at byte 10'),
    });
    await rm(at('a.jsonl'));
    expect(await reader.read(ranges[0]!)).toEqual({ kind: 'changed', reason: 'a.jsonl is gone' });
  });

  test('planning on in a file that became another one is refused', async () => {
    const { size } = await stat(at('a.jsonl'));
    await writeFile(at('a.jsonl'), 'x'.repeat(size + 20));
    expect(await codeOf(() => reader.plan(ranges[0]!.next, LIMITS))).toBe('HF_SOURCE_REPLACED');
  });

  test('a header that changed makes the first range another one', async () => {
    await writeFile(at('h.csv'), 'a,b\n1,2\n3,4\n');
    const rows = await openSource(csv('h.csv'), directory);
    const range = (await rows.plan(rows.start, LIMITS))!;
    await writeFile(at('h.csv'), 'b,a\n1,2\n3,4\n');
    expect((await rows.read(range)).kind).toBe('changed');
  });
});
