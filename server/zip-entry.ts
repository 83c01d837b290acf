import { createWriteStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw } from 'node:zlib';

const END_RECORD = 0x06054b50;
const CENTRAL_ENTRY = 0x02014b50;
const END_BYTES_MAX = 22 + 65_535;

interface Entry {
  readonly method: number;
  readonly compressedBytes: number;
  readonly bytes: number;
  readonly offset: number;
}

/**
 * Writes the one entry of a zip file whose name ends so to a file. For wheels whose hash was checked: it reads neither
 * zip64 nor encrypted entries.
 */
export async function extractZipEntry(zip: string, nameEnd: string, target: string): Promise<void> {
  const file = await open(zip);
  try {
    const entry = await findEntry(file, nameEnd);
    if (entry === undefined) throw new Error(`${zip} holds no ${nameEnd}`);
    const header = await readAt(file, entry.offset, 30);
    const start = entry.offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
    const packed = file.createReadStream({ start, end: start + entry.compressedBytes - 1, autoClose: false });
    const output = createWriteStream(target, { flags: 'wx', mode: 0o755, flush: true });
    if (entry.method === 0) await pipeline(packed, output);
    else await pipeline(packed, createInflateRaw(), output);
    if (output.bytesWritten !== entry.bytes)
      throw new Error(`${nameEnd} has ${output.bytesWritten} bytes, not ${entry.bytes}`);
  } finally {
    await file.close();
  }
}

async function findEntry(file: FileHandle, nameEnd: string): Promise<Entry | undefined> {
  const { size } = await file.stat();
  const tail = await readAt(file, Math.max(0, size - END_BYTES_MAX), Math.min(size, END_BYTES_MAX));
  let end = tail.length - 22;
  while (end >= 0 && tail.readUInt32LE(end) !== END_RECORD) end -= 1;
  if (end < 0) throw new Error('it is not a zip file');
  const directory = await readAt(file, tail.readUInt32LE(end + 16), tail.readUInt32LE(end + 12));
  for (let at = 0; at + 46 <= directory.length && directory.readUInt32LE(at) === CENTRAL_ENTRY; ) {
    const nameBytes = directory.readUInt16LE(at + 28);
    if (directory.toString('utf8', at + 46, at + 46 + nameBytes).endsWith(nameEnd)) {
      return {
        method: directory.readUInt16LE(at + 10),
        compressedBytes: directory.readUInt32LE(at + 20),
        bytes: directory.readUInt32LE(at + 24),
        offset: directory.readUInt32LE(at + 42),
      };
    }
    at += 46 + nameBytes + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return undefined;
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}
