import { isUtf8 } from 'node:buffer';
import type { Source } from '../definitions/source.ts';
import type { FileFormat, FileHead, Segment } from './file-format.ts';
import { FileRecord, malformedRecord, markLength } from './file-format.ts';
import { openFiles } from './file-reader.ts';
import { LineScanner } from './line-scanner.ts';
import type { ReadRecord, SourcePort } from './source.ts';
import type { FilePath } from './source-files.ts';
import { showPath } from './source-files.ts';
import { TextSlices } from './text-slices.ts';

/**
 * Reads JSON Lines: one JSON value a line, UTF-8. Blank lines are left out; a line that is not JSON is quarantined.
 *
 * @param path a path, a `file:` URL, a glob or an array of them; relative ones are relative to the working directory
 * @throws HF_SOURCE_MISSING, HF_SOURCE_EMPTY_GLOB, HF_SOURCE_IS_DIRECTORY, HF_SOURCE_UNREADABLE when the job starts
 * @example
 * defineJob({ name: 'orders', source: jsonl<Order>('orders/*.jsonl'), … })
 */
export function jsonl<Item = unknown>(path: FilePath | readonly FilePath[]): Source<Item> {
  const paths = Array.isArray(path) ? (path as readonly FilePath[]) : [path as FilePath];
  const shown = paths.map(showPath);
  const source: SourcePort<Item> = {
    kind: 'jsonl',
    identity: JSON.stringify({ kind: 'jsonl', paths: shown }),
    title: `jsonl ${shown.join(', ')}`,
    open: (options) => openFiles(jsonLines as FileFormat<Item>, paths, options),
  };
  return source;
}

const jsonLines: FileFormat<unknown> = {
  readHead: (_, bytes): FileHead => ({ raw: Buffer.from(bytes.subarray(0, markLength(bytes))), lines: 0 }),
  makeScanner: () => new LineScanner(),
  parse: parseLines,
};

/**
 * The values of a segment's lines, each parsed by itself: to parse a range as one array is not faster, and takes broken lines
 * for whole ones where they happen to fit together.
 * A million orders of 186 bytes take 0.86 s, as long as `node:readline` with `JSON.parse` does (0.85 to 0.98 s); `JSON.parse` is 0.6 s of
 * it. Planning them takes 0.2 to 0.3 s.
 */
function parseLines(segment: Segment): ReadRecord<unknown>[] {
  const { bytes, origin } = segment;
  const records: ReadRecord<unknown>[] = [];
  const scanner = new LineScanner();
  const utf8 = isUtf8(bytes);
  const texts = new TextSlices(bytes);
  let line = segment.head.lines;
  for (let start = segment.head.raw.length; start < bytes.length; start = scanner.end) {
    scanner.scan(bytes, start, true);
    const { end } = scanner;
    if (!scanner.blank) {
      try {
        if (!utf8 && !isUtf8(bytes.subarray(start, end))) throw new Error('not UTF-8');
        records.push(new FileRecord(JSON.parse(texts.slice(start, end)), end - start, origin, start, line));
      } catch (error) {
        records.push(
          malformedRecord(segment, { start, end, line }, `the line is not JSON: ${(error as Error).message}`),
        );
      }
    }
    line += scanner.lines;
  }
  return records;
}
