import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { LINE_FEED } from './file-format.ts';
import type { FileSpan } from './range-scan.ts';
import type { FileLook } from './source-files.ts';
import { readInto, sameLook } from './source-files.ts';

const FRONT_BYTES = 4096;

/**
 * Notices that a file became another one under its reader; that it grew at the end is fine. Reading goes on at a byte,
 * so in a file with other content it would start in the middle of a record and be askew.
 */
export class FileWatch {
  private look: FileLook;
  private front: FileSpan;
  private tail: FileSpan | null = null;

  /** `bytes` are the file's first. */
  constructor(look: FileLook, bytes: Buffer) {
    const front = bytes.subarray(0, FRONT_BYTES);
    this.look = look;
    this.front = { byte: 0, length: front.length, crc: crc32(front) };
  }

  /** What is wrong with reading on at `byte`, or null. */
  async check(handle: FileHandle, look: FileLook, byte: number): Promise<string | null> {
    const known = sameLook(look, this.look);
    if (look.size < byte) return `it ends at byte ${look.size}, before what was read from it`;
    if (!known) {
      for (const span of this.tail === null ? [this.front] : [this.front, this.tail]) {
        if ((await sumSpan(handle, span)) !== span.crc)
          return `bytes ${span.byte} to ${span.byte + span.length} are other ones`;
      }
    }
    const followed = this.tail !== null && this.tail.byte + this.tail.length === byte;
    if (!(known && followed) && byte > 0 && !(await isLineEnd(handle, byte - 1)))
      return `no record starts at byte ${byte} any more`;
    this.look = look;
    return null;
  }

  /** Takes note of what was read last. */
  note(tail: FileSpan): void {
    this.tail = tail;
  }
}

async function isLineEnd(handle: FileHandle, position: number): Promise<boolean> {
  const byte = Buffer.alloc(1);
  return (await readInto(handle, byte, { offset: 0, length: 1, position })) === 1 && byte[0] === LINE_FEED;
}

/** Checksum of a part of a file, read in blocks; null where the file ends before it does. */
export async function sumSpan(handle: FileHandle, span: Pick<FileSpan, 'byte' | 'length'>): Promise<number | null> {
  const block = Buffer.allocUnsafe(Math.min(span.length, 1024 * 1024));
  let crc = 0;
  for (let done = 0; done < span.length; ) {
    const length = Math.min(block.length, span.length - done);
    const got = await readInto(handle, block, { offset: 0, length, position: span.byte + done });
    if (got < length) return null;
    crc = crc32(block.subarray(0, got), crc);
    done += got;
  }
  return crc;
}
