import type { MalformedRecord, Place, ReadRecord, SourceRecord } from './source.ts';

/**
 * Finds where records end. The verdict on a record depends only on the bytes from its start to its end, or to where
 * the bytes end: so a range that was planned from a whole file falls into the same records when only it is read.
 */
export interface RecordScanner {
  /** Looks at the record that starts at `at`. False: more bytes are needed, which `last` says there are not. */
  scan(bytes: Buffer, at: number, last: boolean): boolean;
  /** Behind the record and its line end. */
  readonly end: number;
  readonly lines: number;
  /** Nothing but a line end: no record. */
  readonly blank: boolean;
  /** The bytes ended before the record did, so it may go on in a file that is still being written. */
  readonly open: boolean;
}

/** Where a segment starts: what its records' places are counted from. */
export interface Origin {
  readonly file: string;
  readonly byte: number;
  readonly line: number;
}

/** The part of a range that lies in one file. */
export interface Segment {
  readonly origin: Origin;
  readonly bytes: Buffer;
  /** Length and lines of what stands before the first record: only at a file's start. */
  readonly head: FileHead;
}

/** What stands before a file's first record: a byte order mark, a header. */
export interface FileHead {
  readonly raw: Buffer;
  readonly lines: number;
}

export const NO_HEAD: FileHead = { raw: Buffer.alloc(0), lines: 0 };

/** How the bytes of a file make records. */
export interface FileFormat<Item, Head extends FileHead = FileHead> {
  /** The head of `file`, of which `bytes` are the first; null: more bytes are needed, which `last` says there are not. */
  readHead(file: string, bytes: Buffer, last: boolean): Head | null;
  makeScanner(): RecordScanner;
  parse(segment: Segment, head: Head): ReadRecord<Item>[];
}

/** A record larger than this is malformed wherever it stands, and never held in memory. */
export const RECORD_BYTES_MAX = 64 * 1024 * 1024;

const RAW_BYTES_MAX = 4096;

/** An item with its place worked out when asked for: one object a record, for a million of them. */
export class FileRecord<Item> implements SourceRecord<Item> {
  readonly item: Item;
  readonly bytes: number;
  private readonly origin: Origin;
  private readonly at: number;
  private readonly line: number;

  constructor(item: Item, bytes: number, origin: Origin, at: number, line: number) {
    this.item = item;
    this.bytes = bytes;
    this.origin = origin;
    this.at = at;
    this.line = line;
  }

  get place(): Place {
    return placeIn(this.origin, this.at, this.line);
  }
}

function placeIn(origin: Origin, at: number, line: number): Place {
  return { file: origin.file, line: origin.line + line, byte: origin.byte + at };
}

/** The record from `start` to `end` of a segment, `line` lines behind its first, as one that cannot be read. */
export function malformedRecord(
  segment: Segment,
  span: { readonly start: number; readonly end: number; readonly line: number },
  message: string,
): MalformedRecord {
  const { start, end, line } = span;
  const raw = segment.bytes.toString('utf8', start, Math.min(end, start + RAW_BYTES_MAX)).replace(/\r?\n$/, '');
  return { malformed: message, raw, place: placeIn(segment.origin, start, line), bytes: end - start };
}

export const LINE_FEED = 10;
export const CARRIAGE_RETURN = 13;

const MARKS: readonly (readonly [string, Buffer])[] = [
  ['UTF-16', Buffer.from([0xff, 0xfe])],
  ['UTF-16', Buffer.from([0xfe, 0xff])],
];
const UTF8_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** Length of the byte order mark of UTF-8 that the bytes start with, 0 without one. */
export function markLength(bytes: Buffer): number {
  return bytes.subarray(0, 3).equals(UTF8_MARK) ? 3 : 0;
}

/** The encoding other than UTF-8 that the bytes' mark gives away. */
export function otherEncoding(bytes: Buffer): string | null {
  return MARKS.find(([, mark]) => bytes.subarray(0, mark.length).equals(mark))?.[0] ?? null;
}
