import type { RecordScanner } from './file-format.ts';
import { LINE_FEED } from './file-format.ts';

/** A record a line. Lines of nothing but blanks are no records. */
export class LineScanner implements RecordScanner {
  end = 0;
  lines = 0;
  blank = false;
  open = false;

  scan(bytes: Buffer, at: number, last: boolean): boolean {
    const feed = bytes.indexOf(LINE_FEED, at);
    if (feed === -1 && !last) return false;
    this.end = feed === -1 ? bytes.length : feed + 1;
    this.lines = feed === -1 ? 0 : 1;
    this.open = feed === -1;
    this.blank = isBlank(bytes, at, this.end);
    return true;
  }
}

function isBlank(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = bytes[at];
    if (byte !== 32 && byte !== 9 && byte !== 13 && byte !== LINE_FEED) return false;
  }
  return true;
}
