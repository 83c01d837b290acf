import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import type { RecordScanner } from './file-format.ts';
import { LINE_FEED, RECORD_BYTES_MAX } from './file-format.ts';
import { readInto } from './source-files.ts';

/** Where a scan starts, and where the file ended when it began. */
export interface ScanStart {
  readonly byte: number;
  readonly line: number;
  readonly size: number;
}

export interface ScanLimits {
  readonly records: number;
  readonly bytes: number;
  /** The range has no record yet: the first is taken whatever its size. */
  readonly first: boolean;
}

export interface FilePosition {
  readonly byte: number;
  readonly line: number;
}

/** What a scan found: the segment from its start to `end`. */
export interface Scan {
  readonly end: FilePosition;
  readonly records: number;
  readonly bytes: number;
  readonly crc: number;
  readonly atEnd: boolean;
  /** Where the part starts that may still be being written; null where the segment ends with a whole record. */
  readonly open: FilePosition | null;
  /** The last bytes before `end`, by which a later look knows the file again. */
  readonly tail: FileSpan;
}

/** Some bytes of a file and their checksum. */
export interface FileSpan {
  readonly byte: number;
  readonly length: number;
  readonly crc: number;
}

const FIRST_BLOCK_BYTES = 64 * 1024;
const BLOCK_BYTES = 256 * 1024;
/** An open quote is given this much of a file's end to be closed by a later write; farther up it is a mistake. */
const OPEN_BYTES_MAX = 64 * 1024;
const TAIL_BYTES = 4096;

/** Finds and counts the records of one file from a position, up to the limits, in blocks. */
export class RangeScan {
  private readonly handle: FileHandle;
  private readonly scanner: RecordScanner;
  private readonly size: number;
  private readonly limits: ScanLimits;
  private readonly start: number;
  private buffer: Buffer;
  /** The bytes read and not yet stepped over are view[at …]; view[0] is the file's byte `base`. */
  private view: Buffer;
  private base: number;
  private at = 0;
  private line: number;
  private records = 0;
  private crc = 0;
  private open: FilePosition | null = null;
  private stopped = false;
  private blockBytes = FIRST_BLOCK_BYTES;

  constructor(handle: FileHandle, scanner: RecordScanner, start: ScanStart, limits: ScanLimits) {
    this.handle = handle;
    this.scanner = scanner;
    this.size = start.size;
    this.limits = limits;
    this.start = start.byte;
    this.base = start.byte;
    this.line = start.line;
    this.buffer = Buffer.alloc(0);
    this.view = this.buffer;
  }

  async run(head: { readonly bytes: number; readonly lines: number }): Promise<Scan> {
    while (this.view.length < head.bytes && (await this.fill()));
    this.at = Math.min(head.bytes, this.view.length);
    this.line += head.lines;
    for (;;) {
      this.stepOver();
      if (this.stopped || !(await this.fill())) break;
      if (this.at === 0 && this.view.length >= RECORD_BYTES_MAX && !this.hasLineFeed()) await this.skipLine();
    }
    return this.finish();
  }

  /** Steps over the whole records at hand. */
  private stepOver(): void {
    const { scanner, view, limits } = this;
    const last = this.base + view.length >= this.size;
    while (this.at < view.length && !this.stopped) {
      if (!scanner.scan(view, this.at, last)) return;
      const bytes = this.base + scanner.end - this.start;
      const full = bytes > limits.bytes && !(limits.first && this.records === 0);
      if (full || (!scanner.blank && this.records >= limits.records)) {
        this.stopped = true;
        return;
      }
      if (scanner.open && !scanner.blank) this.noteOpen();
      if (!scanner.blank) this.records++;
      this.at = scanner.end;
      this.line += scanner.lines;
      if (this.records >= limits.records && this.open === null) this.stopped = true;
    }
  }

  private noteOpen(): void {
    if (this.open === null && this.view.length - this.at <= OPEN_BYTES_MAX)
      this.open = { byte: this.base + this.at, line: this.line };
  }

  /** Reads on, keeping the record at hand; false at the file's end. */
  private async fill(): Promise<boolean> {
    const left = this.size - (this.base + this.view.length);
    if (left <= 0) return false;
    const kept = this.view.length - this.at;
    this.crc = crc32(this.view.subarray(0, this.at), this.crc);
    const wanted = kept + Math.min(left, Math.max(this.blockBytes, kept));
    this.blockBytes = BLOCK_BYTES;
    const into = wanted > this.buffer.length ? Buffer.allocUnsafe(wanted) : this.buffer;
    this.view.copy(into, 0, this.at);
    this.base += this.at;
    this.at = 0;
    const length = Math.min(left, into.length - kept);
    const got = await readInto(this.handle, into, { offset: kept, length, position: this.base + kept });
    this.buffer = into;
    this.view = into.subarray(0, kept + got);
    return got > 0;
  }

  private hasLineFeed(): boolean {
    return this.view.includes(LINE_FEED);
  }

  /** A record too large to be held: steps over it block by block. It makes a range of its own. */
  private async skipLine(): Promise<void> {
    this.stopped = true;
    if (!this.limits.first || this.records > 0) return;
    this.records = 1;
    const start = { byte: this.base + this.at, line: this.line };
    let feed = -1;
    do {
      this.at = this.view.length;
      if (!(await this.fill())) break;
      feed = this.view.indexOf(LINE_FEED);
    } while (feed === -1);
    if (feed === -1) {
      this.at = this.view.length;
      this.open = start;
      return;
    }
    this.at = feed + 1;
    this.line++;
  }

  private finish(): Scan {
    this.crc = crc32(this.view.subarray(0, this.at), this.crc);
    const byte = this.base + this.at;
    const atEnd = byte >= this.size;
    const tail = this.view.subarray(Math.max(0, this.at - TAIL_BYTES), this.at);
    return {
      end: { byte, line: this.line },
      records: this.records,
      bytes: byte - this.start,
      crc: this.crc,
      atEnd,
      open: atEnd ? this.open : null,
      tail: { byte: byte - tail.length, length: tail.length, crc: crc32(tail) },
    };
  }
}
