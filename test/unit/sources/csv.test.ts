import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { isHoldfastError } from '../../../definitions/errors.ts';
import type { CsvOptions } from '../../../sources/csv.ts';
import { csv } from '../../../sources/csv.ts';
import { itemsOf, openSource, plain, planAll, readAll, readRecords } from '../../conformance/source.ts';

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-csv-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function open(text: string | Buffer, options?: CsvOptions) {
  await writeFile(join(directory, 'a.csv'), text);
  return openSource(csv('a.csv', options), directory);
}

async function refusal(work: () => unknown): Promise<{ code: string; message: string }> {
  try {
    await work();
  } catch (error) {
    if (isHoldfastError(error)) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('CSV as RFC 4180 has it', () => {
  const cells = fc.string({
    unit: fc.constantFrom('a', 'é', '🙂', '"', ',', ';', '\t', '\n', '\r\n', ' ', '1'),
    maxLength: 6,
  });
  const tables = fc.integer({ min: 1, max: 4 }).chain((width) =>
    fc.record({
      width: fc.constant(width),
      rows: fc.array(fc.array(cells, { minLength: width, maxLength: width }), { maxLength: 12 }),
      quoteAll: fc.boolean(),
      lineEnd: fc.constantFrom('\n', '\r\n'),
      mark: fc.constantFrom('', '\uFEFF'),
      delimiter: fc.constantFrom(',', ';', '\t'),
      last: fc.boolean(),
      records: fc.integer({ min: 1, max: 5 }),
    }),
  );

  test('any table that was written as CSV is read as csv-parse reads it, in ranges of any size', async () => {
    await fc.assert(
      fc.asyncProperty(tables, async ({ width, rows, quoteAll, lineEnd, mark, delimiter, last, records }) => {
        const write = (cell: string) => {
          const bare = !quoteAll && cell !== '' && !/["\r\n,;\t]/.test(cell);
          return bare ? cell : `"${cell.replaceAll('"', '""')}"`;
        };
        const names = Array.from({ length: width }, (_, n) => `c${n}`);
        const lines = [names, ...rows].map((row, n) => (n === 0 ? row : row.map(write)).join(delimiter));
        const text = mark + lines.join(lineEnd) + (last ? lineEnd : '');
        const expected = parse(text, { delimiter, bom: true, columns: true, record_delimiter: ['\r\n', '\n'] });
        const reader = await open(text, { delimiter });
        expect(itemsOf(await readAll(reader, { records, bytes: 1000 }))).toEqual(expected);
        expect(expected).toEqual(rows.map((row) => Object.fromEntries(row.map((cell, n) => [names[n], cell]))));
      }),
      { numRuns: 150 },
    );
  });

  test('whatever the text is, ranges of any size give the same records, each with its line', async () => {
    const junk = fc.string({
      unit: fc.constantFrom('a', '"', ',', '\n', '\r\n', '\r', '""', '",', '"\n'),
      maxLength: 60,
    });
    await fc.assert(
      fc.asyncProperty(junk, fc.integer({ min: 1, max: 4 }), async (text, records) => {
        const reader = await open(text, { header: false, columns: ['a', 'b'] });
        const whole = plain(await readAll(reader));
        const ranges = await planAll(reader, () => ({ records, bytes: 1000 }));
        const parts = [];
        for (const range of ranges) parts.push(...(await readRecords(reader, range)));
        expect(plain(parts)).toEqual(whole);
        for (const record of parts) {
          const { byte = 0, line = 0 } = record.place;
          const before = Buffer.from(text).subarray(0, byte).toString();
          expect(line).toBe(before.split('\n').length);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("a carriage return before the line end is the last cell's, whatever stands in the next record", async () => {
    const text = '"a",b\r\r\n"c",d\n""\r\r\n"",\n';
    const records = await readAll(await open(text, { header: false, columns: ['a', 'b'] }));
    expect(records.map((record) => ('item' in record ? record.item : record.malformed))).toEqual([
      { a: 'a', b: 'b\r' },
      { a: 'c', b: 'd' },
      'a quoted field goes on behind its closing quote',
      { a: '', b: '' },
    ]);
  });

  test('a record holds the named columns, in whatever order each file has them', async () => {
    await writeFile(join(directory, 'x.csv'), 'a,b,c\n1,2,3\n');
    await writeFile(join(directory, 'y.csv'), 'c,a\n3,1\n');
    const reader = await openSource(csv(['x.csv', 'y.csv'], { columns: ['c', 'a'] }), directory);
    expect(itemsOf(await readAll(reader))).toEqual([
      { c: '3', a: '1' },
      { c: '3', a: '1' },
    ]);
  });
});

describe('a malformed record', () => {
  test('is told with its place, and those around it are read', async () => {
    const reader = await open('id,name\r\n1,"a\r\nb"\r\n2,"open\r\n3,ok\r\n"4",x"y\r\n5\r\n6,"q""q"\r\n"7"8,x\n9,z\n');
    expect(plain(await readAll(reader))).toEqual([
      { item: { id: '1', name: 'a\r\nb' }, place: { file: 'a.csv', line: 2, byte: 9 }, bytes: 10 },
      {
        malformed: 'a quote is opened in the line and not closed',
        raw: '2,"open',
        place: { file: 'a.csv', line: 4, byte: 19 },
        bytes: 9,
      },
      { item: { id: '3', name: 'ok' }, place: { file: 'a.csv', line: 5, byte: 28 }, bytes: 6 },
      expect.objectContaining({
        malformed: 'a quote stands inside a field that does not start with one',
        raw: '"4",x"y',
      }),
      expect.objectContaining({ malformed: 'the record has 1 column where there are 2', raw: '5' }),
      expect.objectContaining({ item: { id: '6', name: 'q"q' } }),
      expect.objectContaining({ malformed: 'a quoted field goes on behind its closing quote', raw: '"7"8,x' }),
      expect.objectContaining({ item: { id: '9', name: 'z' } }),
    ]);
  });

  test('that opens a quote in a large file takes its one line with it and no more', async () => {
    const lines = Array.from({ length: 400_000 }, (_, n) => (n === 7 ? `${n},"open` : `${n},some town`));
    const reader = await open(`id,town\n${lines.join('\n')}\n`);
    const items = itemsOf(await readAll(reader, { records: 50_000, bytes: 8_000_000 }));
    expect(items).toHaveLength(400_000);
    expect(items.flatMap((item, n) => (item === null ? [n] : []))).toEqual([7]);
  });

  test('that is not UTF-8 is refused alone', async () => {
    const reader = await open(Buffer.concat([Buffer.from('a,b\n1,'), Buffer.from([0xff]), Buffer.from('\n2,é\n')]));
    expect(itemsOf(await readAll(reader))).toEqual([null, { a: '2', b: 'é' }]);
  });
});

describe('opening is refused', () => {
  test('when the header lacks a named column, with file, column and what is there', async () => {
    const { code, message } = await refusal(() => open('id,city\n', { columns: ['id', 'town'] }));
    expect(code).toBe('HF_SOURCE_HEADER');
    expect(message).toContain('header of a.csv has no column town; it has id, city');
  });

  test('when there is no header, a column comes twice, or the file is UTF-16', async () => {
    expect((await refusal(() => open('', { columns: ['id'] }))).code).toBe('HF_SOURCE_HEADER');
    expect((await refusal(() => open('\n\n'))).code).toBe('HF_SOURCE_HEADER');
    expect((await refusal(() => open('a,b,a\n'))).message).toContain("'a' twice");
    expect((await refusal(() => open(Buffer.from('\uFEFFa,b\n', 'utf16le')))).message).toContain('UTF-16');
  });

  test('when an option is wrong, at the definition', async () => {
    const wrong: object[] = [
      { delimiter: '"' },
      { delimiter: 'ab' },
      { columns: [] },
      { columns: ['a', 'a'] },
      { header: false },
      { colums: ['a'] },
    ];
    for (const options of wrong)
      expect((await refusal(() => csv('a.csv', options))).code).toBe('HF_DEFINITION_INVALID');
  });
});

describe('real files', () => {
  const data = join(import.meta.dirname, '../../../node_modules/vega-datasets/data');
  test.each([
    ['zipcodes.csv', 42_049],
    ['airports.csv', 3_376],
    ['birdstrikes.csv', 10_000],
    ['species.csv', 12_360],
    ['github.csv', 955],
  ])('%s has %i records, each as csv-parse reads it', async (file, count) => {
    const reader = await openSource(csv(file), data);
    const expected = parse(await readFile(join(data, file)), { bom: true, columns: true });
    const items = itemsOf(await readAll(reader, { records: 5000, bytes: 8_000_000 }));
    expect(items).toHaveLength(count);
    expect(items).toEqual(expected);
  });
});
