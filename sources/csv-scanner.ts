import type { RecordScanner } from './file-format.ts';
import { CARRIAGE_RETURN, LINE_FEED } from './file-format.ts';

const QUOTE = 34;

/** A record with quotes ends its last quoted field within so many bytes, or its quote counts as never closed. */
export const QUOTED_RECORD_BYTES_MAX = 4 * 1024 * 1024;

/**
 * Finds the borders of CSV records as RFC 4180 has them: a quote opens a field only at its start, and line ends inside
 * quotes belong to the field. A quote that is never closed (by the end, within the limit, or because what closes it over a
 * line end is followed by other text, as the quote that opens a later field is) makes its one line malformed: the
 * record after it starts on the next line.
 */
export class CsvScanner implements RecordScanner {
  end = 0;
  lines = 0;
  blank = false;
  open = false;
  /** The record has a quote, so that splitting it at the delimiters is not enough. */
  quoted = false;
  unclosed = false;
  private readonly delimiter: number;
  private view: Buffer | null = null;
  /** The first quote in `view` from the last record on: most lines have none, and are not looked at byte by byte. */
  private quote = 0;

  constructor(delimiter: number) {
    this.delimiter = delimiter;
  }

  scan(bytes: Buffer, at: number, last: boolean): boolean {
    if (this.view !== bytes || this.quote < at) {
      const quote = bytes.indexOf(QUOTE, at);
      this.view = bytes;
      this.quote = quote === -1 ? Number.POSITIVE_INFINITY : quote;
    }
    const feed = bytes.indexOf(LINE_FEED, at);
    const lineEnd = feed === -1 ? bytes.length : feed + 1;
    this.quoted = this.quote < lineEnd;
    this.unclosed = false;
    this.blank = false;
    if (this.quoted) return this.scanQuoted(bytes, at, last);
    if (feed === -1 && !last) return false;
    this.finish(lineEnd, feed === -1 ? 0 : 1, feed === -1);
    this.blank = feed === at || (feed === at + 1 && bytes[at] === CARRIAGE_RETURN);
    return true;
  }

  private scanQuoted(bytes: Buffer, at: number, last: boolean): boolean {
    let multiline = false;
    for (let field = at; ; field++) {
      // `field` is behind the field from here on: at its delimiter, behind the record's line end, or where bytes end.
      if (bytes[field] === QUOTE) {
        const close = this.findClose(bytes, field, at);
        if (close === null) return this.resync(bytes, at, last);
        const more = bytes[close + 1];
        if (!last && (more === undefined || (more === CARRIAGE_RETURN && close + 2 >= bytes.length))) return false;
        const ends = more === undefined || more === this.delimiter || more === LINE_FEED;
        const crlf = more === CARRIAGE_RETURN && bytes[close + 2] === LINE_FEED;
        const spansLines = hasFeed(bytes, field, close);
        if (spansLines && !ends && !crlf) return this.resync(bytes, at, true, false);
        multiline ||= spansLines;
        field = close + 1;
      }
      while (field < bytes.length && bytes[field] !== this.delimiter && bytes[field] !== LINE_FEED) field++;
      if (field >= bytes.length && !last) return false;
      if (bytes[field] === this.delimiter) continue;
      const open = field >= bytes.length;
      const end = open ? bytes.length : field + 1;
      this.finish(end, multiline ? countFeeds(bytes, at, end) : open ? 0 : 1, open);
      return true;
    }
  }

  /** The quote that closes the field that starts at `field`, or null where none does within the limit. */
  private findClose(bytes: Buffer, field: number, record: number): number | null {
    for (let from = field + 1; ; ) {
      const quote = bytes.indexOf(QUOTE, from);
      if (quote === -1 || quote - record > QUOTED_RECORD_BYTES_MAX) return null;
      if (bytes[quote + 1] !== QUOTE) return quote;
      from = quote + 2;
    }
  }

  /** The quote is not closed: ends the record with its first line, unless there may be more to come. */
  private resync(bytes: Buffer, at: number, last: boolean, mayClose = true): boolean {
    const beyond = bytes.length - at > QUOTED_RECORD_BYTES_MAX;
    if (!last && !beyond) return false;
    const feed = bytes.indexOf(LINE_FEED, at);
    if (feed === -1 && !last) return false;
    this.finish(feed === -1 ? bytes.length : feed + 1, feed === -1 ? 0 : 1, last && mayClose && !beyond);
    this.unclosed = true;
    return true;
  }

  private finish(end: number, lines: number, open: boolean): void {
    this.end = end;
    this.lines = lines;
    this.open = open;
  }
}

function hasFeed(bytes: Buffer, start: number, end: number): boolean {
  const feed = bytes.indexOf(LINE_FEED, start);
  return feed !== -1 && feed < end;
}

function countFeeds(bytes: Buffer, start: number, end: number): number {
  let count = 0;
  for (let feed = bytes.indexOf(LINE_FEED, start); feed !== -1 && feed < end; feed = bytes.indexOf(LINE_FEED, feed + 1))
    count++;
  return count;
}
