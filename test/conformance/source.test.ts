import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Source } from '../../definitions/source.ts';
import { csv } from '../../sources/csv.ts';
import { items } from '../../sources/items.ts';
import { jsonl } from '../../sources/jsonl.ts';
import { describeSource } from './source.ts';

interface FilesCase {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly source: () => Source<unknown>;
  readonly items: readonly unknown[];
}

/** Describes a source of files that are written for it and removed after it. */
function describeFiles({ name, files, source, items: expected }: FilesCase): void {
  let directory = '';
  describeSource({
    name,
    make: async () => {
      directory = await mkdtemp(join(tmpdir(), 'holdfast-source-'));
      for (const [file, text] of Object.entries(files)) await writeFile(join(directory, file), text);
      return { source: source(), items: expected, directory };
    },
    remove: () => rm(directory, { recursive: true }),
  });
}

const numbers = Array.from({ length: 2000 }, (_, n) => n);
const orders = numbers.map((n) => ({ id: `o${n}`, note: 'é'.repeat(n % 50), n }));
const lines = orders.map(
  (order, n) => (n % 13 === 0 ? '\n  \r\n' : '') + JSON.stringify(order) + (n % 3 === 0 ? '\r\n' : '\n'),
);

describeFiles({
  name: 'jsonl of one file with blank lines and both line ends',
  files: { 'a.jsonl': `\uFEFF${lines.join('')}` },
  source: () => jsonl('a.jsonl'),
  items: orders,
});

describeFiles({
  name: 'jsonl of several files, some empty or without a last line end',
  files: {
    'a.jsonl': lines.slice(0, 900).join('').trimEnd(),
    'b.jsonl': '',
    'c.jsonl': '\n\n',
    'd.jsonl': lines.slice(900).join(''),
    'e.jsonl': '',
  },
  source: () => jsonl('*.jsonl'),
  items: orders,
});

describeFiles({
  name: 'jsonl with malformed lines',
  files: { 'a.jsonl': lines.map((line, n) => (n % 7 === 3 ? '{"id":\n' : line)).join('') },
  source: () => jsonl('a.jsonl'),
  items: orders.map((order, n) => (n % 7 === 3 ? null : order)),
});

const rows = numbers.map((n) => ({ id: String(n), town: n % 5 === 0 ? `New\n"York"; ${n}` : `Ulm ${n}` }));
const cell = (text: string) => (/["\n;]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
const csvLines = rows.map((row) => `${row.id};${cell(row.town)};x\r\n`);

describeFiles({
  name: 'csv of several files with quotes, each with its own header',
  files: {
    'a.csv': `\uFEFFid;town;x\r\n${csvLines.slice(0, 800).join('')}`,
    'b.csv': `id;town;x\r\n${csvLines.slice(800).join('')}`,
  },
  source: () => csv(['a.csv', 'b.csv'], { columns: ['id', 'town'], delimiter: ';' }),
  items: rows,
});

describeFiles({
  name: 'csv without a header and with unclosed quotes',
  files: { 'a.csv': csvLines.map((line, n) => (n % 50 === 1 ? `${n};"never closed;x\r\n` : line)).join('') },
  source: () => csv('a.csv', { columns: ['id', 'town', 'x'], delimiter: ';', header: false }),
  items: rows.map((row, n) => (n % 50 === 1 ? null : { ...row, x: 'x' })),
});

const nowhere = { directory: tmpdir() };
describeSource({ name: 'items of an array', make: async () => ({ source: items(orders), items: orders, ...nowhere }) });
describeSource({
  name: 'items of a set',
  make: async () => ({ source: items(new Set(orders)), items: orders, ...nowhere }),
});
describeSource({
  name: 'items of a function that returns an async iterable',
  make: async () => {
    const source = items(async function* () {
      for (const order of orders) yield order;
    });
    return { source, items: orders, ...nowhere };
  },
});
