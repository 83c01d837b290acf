import type { Cursor } from '../definitions/ids.ts';

/** A position in the files of a source. */
export interface FileCursor {
  /** Index of the file. */
  readonly file: number;
  readonly byte: number;
  /** Line that starts there, counted from 1. */
  readonly line: number;
}

export function writeCursor(at: FileCursor): Cursor {
  return `{"f":${at.file},"b":${at.byte},"l":${at.line}}` as Cursor;
}

export function readCursor(text: Cursor): FileCursor {
  const { f, b, l } = JSON.parse(text) as { f?: unknown; b?: unknown; l?: unknown };
  if (typeof f !== 'number' || typeof b !== 'number' || typeof l !== 'number')
    throw new TypeError(`not a cursor of files: ${text}`);
  return { file: f, byte: b, line: l };
}

/** Checksum and length of the part of a range that lies in one file. */
export interface SegmentSum {
  readonly crc: number;
  readonly bytes: number;
}

/** A range's checksum: one part for each file that it touches, in order. */
export function writeSums(sums: readonly SegmentSum[]): string {
  return sums.map(({ crc, bytes }) => `${crc.toString(16).padStart(8, '0')}-${bytes}`).join(',');
}

export function readSums(text: string | null): readonly SegmentSum[] {
  if (text === null || text === '') throw new TypeError('a range of files has a checksum');
  return text.split(',').map((part) => {
    const [crc = '', bytes = ''] = part.split('-');
    return { crc: Number.parseInt(crc, 16), bytes: Number(bytes) };
  });
}
