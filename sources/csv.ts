import { checkOptions } from '../definitions/check-options.ts';
import { HoldfastError, showValue } from '../definitions/errors.ts';
import type { Source } from '../definitions/source.ts';
import type { CsvHead } from './csv-rows.ts';
import { parseCells, parseRows } from './csv-rows.ts';
import { CsvScanner } from './csv-scanner.ts';
import type { FileFormat } from './file-format.ts';
import { markLength } from './file-format.ts';
import { openFiles } from './file-reader.ts';
import type { SourcePort } from './source.ts';
import type { FilePath } from './source-files.ts';
import { showPath } from './source-files.ts';

export interface CsvOptions<Column extends string = string> {
  /**
   * The columns to read: the header is checked for them before the first item, and a row has these and no others.
   * With `header: false` the names of all columns, in order.
   * @default all columns of the header
   */
  readonly columns?: readonly Column[];
  /** One ASCII character between the fields. @default ',' */
  readonly delimiter?: string;
  /** Whether each file starts with a header that names its columns. @default true */
  readonly header?: boolean;
}

/** A row: the named columns, or whatever the header has. */
export type CsvItem<Column extends string> = [Column] extends [never]
  ? Record<string, string>
  : { readonly [C in Column]: string };

/**
 * Reads CSV as RFC 4180 has it, UTF-8: quotes, delimiters and line ends in quoted fields, CRLF or LF, a byte order mark.
 * Empty lines are left out; a record with a misplaced quote or another number of columns is quarantined.
 *
 * @param path a path, a `file:` URL, a glob or an array of them; relative ones are relative to the working directory
 * @throws HF_DEFINITION_INVALID for a wrong option
 * @throws HF_SOURCE_HEADER, HF_SOURCE_MISSING, HF_SOURCE_EMPTY_GLOB, HF_SOURCE_IS_DIRECTORY, HF_SOURCE_UNREADABLE when the job starts
 * @example
 * csv('orders.csv', { columns: ['order_id', 'street', 'town'] })
 */
export function csv<const Column extends string = never>(
  path: FilePath | readonly FilePath[],
  options: CsvOptions<Column> = {},
): Source<CsvItem<Column>> {
  const paths = Array.isArray(path) ? (path as readonly FilePath[]) : [path as FilePath];
  const shown = paths.map(showPath);
  const title = `csv ${shown.join(', ')}`;
  checkCsvOptions(title, options);
  const { columns = null, delimiter = ',', header = true } = options;
  const format = csvFormat({ columns, delimiter, header });
  const source: SourcePort<Record<string, string>> = {
    kind: 'csv',
    identity: JSON.stringify({ kind: 'csv', paths: shown, columns, delimiter, header }),
    title,
    open: (open) => openFiles(format, paths, open),
  };
  return source as unknown as Source<CsvItem<Column>>;
}

interface CsvLayout {
  readonly columns: readonly string[] | null;
  readonly delimiter: string;
  readonly header: boolean;
}

function checkCsvOptions(what: string, options: CsvOptions): void {
  checkOptions({ what }, options, { columns: 'array', delimiter: 'string', header: 'boolean' });
  const refuse = (option: string, value: unknown, problem: string): never => {
    throw new HoldfastError('HF_DEFINITION_INVALID', { what, option, value: showValue(value), problem });
  };
  const { columns, delimiter, header } = options;
  if (delimiter !== undefined && (delimiter.length !== 1 || delimiter > '\x7f'))
    refuse('delimiter', delimiter, 'give one ASCII character');
  if (delimiter !== undefined && /["\r\n]/.test(delimiter))
    refuse('delimiter', delimiter, 'give another character than a quote or a line end');
  if (columns === undefined) {
    if (header === false) refuse('columns', columns, 'name all columns in order where there is no header');
    return;
  }
  const names: readonly unknown[] = columns;
  if (names.length === 0) refuse('columns', columns, 'name at least one column');
  for (const [index, name] of names.entries()) {
    if (typeof name !== 'string' || name === '__proto__')
      refuse(`columns[${index}]`, name, 'give the name of a column');
    if (names.indexOf(name) !== index) refuse(`columns[${index}]`, name, 'name each column once');
  }
}

function csvFormat(layout: CsvLayout): FileFormat<Record<string, string>, CsvHead> {
  const { delimiter } = layout;
  return {
    readHead: (file, bytes, last) => readHead(file, bytes, { ...layout, last }),
    makeScanner: () => new CsvScanner(delimiter.charCodeAt(0)),
    parse: (segment, head) => parseRows(segment, head, delimiter),
  };
}

function readHead(file: string, bytes: Buffer, options: CsvLayout & { readonly last: boolean }): CsvHead | null {
  const { columns, delimiter, header, last } = options;
  let start = markLength(bytes);
  if (!header) {
    const names = columns ?? [];
    return {
      raw: Buffer.from(bytes.subarray(0, start)),
      lines: 0,
      width: names.length,
      columns: names.map((name, cell) => ({ name, cell })),
    };
  }
  const scanner = new CsvScanner(delimiter.charCodeAt(0));
  for (let lines = 0; start < bytes.length; start = scanner.end) {
    if (!scanner.scan(bytes, start, last)) return null;
    lines += scanner.lines;
    if (scanner.blank) continue;
    const raw = Buffer.from(bytes.subarray(0, scanner.end));
    return { raw, lines, ...layColumns(file, readNames(file, raw.toString('utf8', start), delimiter), columns) };
  }
  if (!last) return null;
  throw new HoldfastError('HF_SOURCE_HEADER', {
    file,
    missing: columns?.[0] ?? 'at all',
    found: 'no header, for it is empty',
  });
}

function readNames(file: string, text: string, delimiter: string): readonly string[] {
  try {
    return parseCells(text, delimiter)[0] ?? [];
  } catch (cause) {
    throw new HoldfastError(
      'HF_SOURCE_UNREADABLE',
      { file, reason: `its header is not well-formed: ${(cause as Error).message}` },
      { cause },
    );
  }
}

/** Which cell each column is. A name that the header has twice is refused where it is wanted. */
function layColumns(
  file: string,
  found: readonly string[],
  columns: readonly string[] | null,
): Omit<CsvHead, 'raw' | 'lines'> {
  const names = columns ?? found;
  const missing = names.filter((name) => !found.includes(name));
  if (missing.length > 0) throw new HoldfastError('HF_SOURCE_HEADER', { file, missing, found });
  const twice = names.find((name) => found.indexOf(name) !== found.lastIndexOf(name));
  if (twice !== undefined) {
    const reason = `its header names column ${showValue(twice)} twice; rename one, or leave it out of columns`;
    throw new HoldfastError('HF_SOURCE_UNREADABLE', { file, reason });
  }
  if (names.includes('__proto__')) {
    throw new HoldfastError('HF_SOURCE_UNREADABLE', {
      file,
      reason: 'its header names a column __proto__; choose others with columns',
    });
  }
  return { width: found.length, columns: names.map((name) => ({ name, cell: found.indexOf(name) })) };
}
