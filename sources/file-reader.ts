import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { HoldfastError, isHoldfastError } from '../definitions/errors.ts';
import type { Cursor } from '../definitions/ids.ts';
import type { FileCursor, SegmentSum } from './file-cursor.ts';
import { readCursor, readSums, writeCursor, writeSums } from './file-cursor.ts';
import type { FileFormat, FileHead, Segment } from './file-format.ts';
import { malformedRecord, NO_HEAD, otherEncoding, RECORD_BYTES_MAX } from './file-format.ts';
import { compareFiles, keepOrder, writeState } from './file-state.ts';
import { FileWatch } from './file-watch.ts';
import type { Scan, ScanLimits } from './range-scan.ts';
import { RangeScan } from './range-scan.ts';
import type {
  PlannedRange,
  RangeLimits,
  RangeRead,
  ReadRecord,
  SourceChange,
  SourceOpenOptions,
  SourceReader,
  SourceState,
} from './source.ts';
import type { FileLook, FilePath, SourceFile } from './source-files.ts';
import { findFiles, readInto, withFile } from './source-files.ts';

/** A file with what stands before its first record. */
interface OpenedFile<Head extends FileHead> extends SourceFile {
  readonly head: Head;
  readonly watch: FileWatch;
}

type Sums = Pick<PlannedRange, 'from' | 'to' | 'checksum'>;

/** A range is cut off at so many files, so that its checksum stays short. */
const RANGE_FILES_MAX = 256;

/** Finds the files, checks each (existence, permission, header), and makes their reader. */
export async function openFiles<Item, Head extends FileHead>(
  format: FileFormat<Item, Head>,
  paths: readonly FilePath[],
  options: SourceOpenOptions,
): Promise<SourceReader<Item>> {
  const { directory } = options;
  const found = await findFiles(paths, directory);
  const files: OpenedFile<Head>[] = [];
  for (const file of keepOrder(found, options.previous)) {
    files.push(await withFile(file, directory, (handle, look) => openFile(format, file, { handle, look })));
  }
  return new FileReader(format, files, directory);
}

async function openFile<Item, Head extends FileHead>(
  format: FileFormat<Item, Head>,
  file: SourceFile,
  { handle, look }: { readonly handle: FileHandle; readonly look: FileLook },
): Promise<OpenedFile<Head>> {
  const unreadable = (reason: string) => new HoldfastError('HF_SOURCE_UNREADABLE', { file: file.path, reason });
  for (let length = 64 * 1024; ; length *= 4) {
    if (length > RECORD_BYTES_MAX) throw unreadable(`its header is larger than ${RECORD_BYTES_MAX / 4} bytes`);
    const into = Buffer.allocUnsafe(Math.min(length, look.size));
    const got = await readInto(handle, into, { offset: 0, length: into.length, position: 0 });
    const bytes = into.subarray(0, got);
    const encoding = otherEncoding(bytes);
    if (encoding !== null) throw unreadable(`it is in ${encoding}; save it as UTF-8`);
    const head = format.readHead(file.path, bytes, got < length);
    if (head !== null) return { ...file, head, watch: new FileWatch(look, bytes) };
  }
}

/** Reads the records of files in order, each range by seeking to it. No file stays open between two calls. */
class FileReader<Item, Head extends FileHead> implements SourceReader<Item> {
  readonly start: Cursor = writeCursor({ file: 0, byte: 0, line: 1 });
  private readonly format: FileFormat<Item, Head>;
  private readonly files: readonly OpenedFile<Head>[];
  private readonly directory: string;
  private spare: Buffer | null = null;

  constructor(format: FileFormat<Item, Head>, files: readonly OpenedFile<Head>[], directory: string) {
    this.format = format;
    this.files = files;
    this.directory = directory;
  }

  async state(): Promise<SourceState> {
    return writeState(this.files, this.directory);
  }

  async compare(before: SourceState, ranges: () => AsyncIterable<Sums>): Promise<SourceChange> {
    return compareFiles({ before, files: this.files, directory: this.directory, ranges });
  }

  async plan(from: Cursor, limits: RangeLimits): Promise<PlannedRange | null> {
    const start = readCursor(from);
    const bytesMax = Math.min(limits.bytes, RECORD_BYTES_MAX);
    const sums: SegmentSum[] = [];
    let records = 0;
    let bytes = 0;
    let to = start;
    let next = start;
    let end = false;
    for (let at = start; at.file < this.files.length; at = to) {
      const left = { records: limits.records - records, bytes: bytesMax - bytes, first: records === 0 };
      const scan = await this.scan(at, left);
      const last = at.file === this.files.length - 1;
      sums.push({ crc: scan.crc, bytes: scan.bytes });
      records += scan.records;
      bytes += scan.bytes;
      to = scan.atEnd && !last ? { file: at.file + 1, byte: 0, line: 1 } : { file: at.file, ...scan.end };
      next = last && scan.open !== null ? { file: at.file, ...scan.open } : to;
      end = scan.atEnd && last;
      const full = records > 0 && (records >= limits.records || bytes >= bytesMax || sums.length >= RANGE_FILES_MAX);
      if (!scan.atEnd || last || full) break;
    }
    if (records === 0) return null;
    return { from, to: writeCursor(to), next: writeCursor(next), records, bytes, checksum: writeSums(sums), end };
  }

  async read(range: Sums): Promise<RangeRead<Item>> {
    const records: ReadRecord<Item>[][] = [];
    let at = readCursor(range.from);
    for (const sum of readSums(range.checksum)) {
      const part = await this.readSegment(at, sum);
      if (typeof part === 'string') return { kind: 'changed', reason: part };
      records.push(part);
      at = { file: at.file + 1, byte: 0, line: 1 };
    }
    return { kind: 'records', records: records.flat() };
  }

  async close(): Promise<void> {}

  private async scan(at: FileCursor, limits: ScanLimits): Promise<Scan> {
    const file = this.fileAt(at);
    return withFile(file, this.directory, async (handle, look) => {
      const reason = await file.watch.check(handle, look, at.byte);
      if (reason !== null) throw new HoldfastError('HF_SOURCE_REPLACED', { file: file.path, reason });
      const start = { byte: at.byte, line: at.line, size: look.size };
      const scan = new RangeScan(handle, this.format.makeScanner(), start, limits);
      const head = at.byte === 0 ? file.head : NO_HEAD;
      const found = await scan.run({ bytes: head.raw.length, lines: head.lines });
      file.watch.note(found.tail);
      return found;
    });
  }

  /** The records of one file's part of a range, or how it differs from what was planned. */
  private async readSegment(at: FileCursor, sum: SegmentSum): Promise<ReadRecord<Item>[] | string> {
    const file = this.files[at.file];
    if (file === undefined) return `a file that was read (number ${at.file + 1}) is gone`;
    const origin = { file: file.path, byte: at.byte, line: at.line };
    const head = at.byte === 0 ? file.head : NO_HEAD;
    try {
      if (sum.bytes > RECORD_BYTES_MAX) return await this.readHuge(file, { origin, bytes: Buffer.alloc(0), head }, sum);
      const buffer = this.takeBuffer(sum.bytes);
      const bytes = buffer.subarray(0, sum.bytes);
      const got = await withFile(file, this.directory, (handle) =>
        readInto(handle, bytes, { offset: 0, length: sum.bytes, position: at.byte }),
      );
      if (got < sum.bytes) return `${file.path} ends at byte ${at.byte + got}, before what was read from it`;
      const kept = head.raw.equals(bytes.subarray(0, head.raw.length));
      if (!kept || crc32(bytes) !== sum.crc) return differs(origin.file, at.byte, sum.bytes);
      const records = this.format.parse({ origin, bytes, head }, file.head);
      this.spare = buffer;
      return records;
    } catch (error) {
      if (isHoldfastError(error, 'HF_SOURCE_MISSING')) return `${file.path} is gone`;
      throw error;
    }
  }

  /** A segment larger than any record may be is one record: checked in blocks, of which only the first is kept. */
  private async readHuge(file: SourceFile, segment: Segment, sum: SegmentSum): Promise<ReadRecord<Item>[] | string> {
    const { origin } = segment;
    const block = Buffer.allocUnsafe(1024 * 1024);
    let first: Buffer | null = null;
    let crc = 0;
    let done = 0;
    await withFile(file, this.directory, async (handle) => {
      while (done < sum.bytes) {
        const length = Math.min(block.length, sum.bytes - done);
        const got = await readInto(handle, block, { offset: 0, length, position: origin.byte + done });
        if (got === 0) break;
        first ??= Buffer.from(block.subarray(0, Math.min(got, 8192)));
        crc = crc32(block.subarray(0, got), crc);
        done += got;
      }
    });
    if (crc !== sum.crc || done !== sum.bytes) return differs(file.path, origin.byte, sum.bytes);
    const bytes = first ?? Buffer.alloc(0);
    const message = `the record has ${sum.bytes} bytes, more than ${RECORD_BYTES_MAX}`;
    return [
      {
        ...malformedRecord({ ...segment, bytes }, { start: 0, end: bytes.length, line: 0 }, message),
        bytes: sum.bytes,
      },
    ];
  }

  /** The buffer of the last read, where it is free and large enough: a fresh one for each costs a tenth of reading. */
  private takeBuffer(length: number): Buffer {
    const { spare } = this;
    this.spare = null;
    return spare !== null && spare.length >= length && spare.length <= 4 * length ? spare : Buffer.allocUnsafe(length);
  }

  private fileAt(at: FileCursor): OpenedFile<Head> {
    const file = this.files[at.file];
    if (file === undefined) throw new TypeError(`cursor in file ${at.file} of ${this.files.length}`);
    return file;
  }
}

function differs(file: string, byte: number, bytes: number): string {
  return `${file} has other content in bytes ${byte} to ${byte + bytes} than when it was planned`;
}
