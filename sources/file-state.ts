import type { FileCursor } from './file-cursor.ts';
import { readCursor, readSums } from './file-cursor.ts';
import { sumSpan } from './file-watch.ts';
import type { PlannedRange, SourceChange, SourceState } from './source.ts';
import type { FileLook, SourceFile } from './source-files.ts';
import { lookAt, sameLook, withFile } from './source-files.ts';

interface KnownFile extends FileLook {
  readonly path: string;
}

/** What the files look like now, in reading order. */
export async function writeState(files: readonly SourceFile[], directory: string): Promise<SourceState> {
  const known: KnownFile[] = [];
  for (const file of files) known.push({ path: file.path, ...(await lookAt(file, directory)) });
  return JSON.stringify({ files: known });
}

export function readState(state: SourceState): readonly KnownFile[] {
  return (JSON.parse(state) as { readonly files: readonly KnownFile[] }).files;
}

/** Files that were there before come first and in the order they had, so that cursors in them stay right. */
export function keepOrder(found: readonly SourceFile[], previous: SourceState | undefined): readonly SourceFile[] {
  if (previous === undefined) return found;
  const byPath = new Map(found.map((file) => [file.path, file]));
  const kept: SourceFile[] = [];
  for (const { path } of readState(previous)) {
    const file = byPath.get(path);
    if (file !== undefined) kept.push(file);
    byPath.delete(path);
  }
  return [...kept, ...byPath.values()];
}

type Sums = Pick<PlannedRange, 'from' | 'to' | 'checksum'>;

interface Comparison {
  readonly before: SourceState;
  readonly files: readonly SourceFile[];
  readonly directory: string;
  readonly ranges: () => AsyncIterable<Sums>;
}

interface ChangedFile extends SourceFile {
  readonly size: number;
  readonly grew: boolean;
}

/** Up to so many bytes read before are all checked again; of more, about a quarter of it, spread evenly. */
const VERIFY_ALL_BYTES = 1024 ** 3;
const VERIFY_SAMPLE_BYTES = VERIFY_ALL_BYTES / 4;

/** What became of the files since `before`. Only those that look different are read, and only what was read before. */
export async function compareFiles(comparison: Comparison): Promise<SourceChange> {
  const { before, files, directory, ranges } = comparison;
  const known = readState(before);
  const changed = new Map<number, ChangedFile>();
  for (const [index, was] of known.entries()) {
    const file = files[index];
    if (file?.path !== was.path) return replaced(`${was.path} is no longer one of its files`);
    const now = await lookAt(file, directory);
    if (sameLook(now, was)) continue;
    if (now.size < was.size) return replaced(`${was.path} has ${now.size} bytes, and had ${was.size} when it was read`);
    changed.set(index, { ...file, size: now.size, grew: now.size > was.size });
  }
  let more = files.length > known.length;
  if (changed.size > 0) {
    const { frontier, step } = await survey(ranges, changed);
    for (const [index, file] of changed) {
      if (file.grew && index < frontier.file)
        return replaced(`${file.path} grew after the files behind it had been read`);
      more ||= file.grew || index > frontier.file || (index === frontier.file && frontier.byte < file.size);
    }
    const different = await verify(comparison, changed, step);
    if (different !== null) return replaced(different);
  }
  return { kind: more ? 'grown' : 'same' };
}

function replaced(reason: string): SourceChange {
  return { kind: 'replaced', reason };
}

/** How far was read, and of how many parts one is to be checked. */
async function survey(
  ranges: () => AsyncIterable<Sums>,
  changed: ReadonlyMap<number, ChangedFile>,
): Promise<{ readonly frontier: FileCursor; readonly step: number }> {
  let frontier: FileCursor = { file: 0, byte: 0, line: 1 };
  let bytes = 0;
  for await (const range of ranges()) {
    const to = readCursor(range.to);
    if (to.file > frontier.file || (to.file === frontier.file && to.byte > frontier.byte)) frontier = to;
    for (const part of partsOf(range)) if (changed.has(part.file)) bytes += part.length;
  }
  return { frontier, step: bytes <= VERIFY_ALL_BYTES ? 1 : Math.ceil(bytes / VERIFY_SAMPLE_BYTES) };
}

/** Checks every `step`-th part of the changed files, and the first and the last; says what differs. */
async function verify(
  comparison: Comparison,
  changed: ReadonlyMap<number, ChangedFile>,
  step: number,
): Promise<string | null> {
  let count = 0;
  let skipped: RangePart | null = null;
  for await (const range of comparison.ranges()) {
    for (const part of partsOf(range)) {
      if (!changed.has(part.file)) continue;
      skipped = count++ % step === 0 ? null : part;
      if (skipped === null && !(await holds(comparison, part))) return describe(comparison, part);
    }
  }
  if (skipped !== null && !(await holds(comparison, skipped))) return describe(comparison, skipped);
  return null;
}

interface RangePart {
  readonly file: number;
  readonly byte: number;
  readonly length: number;
  readonly crc: number;
}

function partsOf(range: Sums): readonly RangePart[] {
  const from = readCursor(range.from);
  return readSums(range.checksum).map(({ crc, bytes }, index) => {
    return { file: from.file + index, byte: index === 0 ? from.byte : 0, length: bytes, crc };
  });
}

async function holds({ files, directory }: Comparison, part: RangePart): Promise<boolean> {
  const file = files[part.file];
  return file !== undefined && (await withFile(file, directory, (handle) => sumSpan(handle, part))) === part.crc;
}

function describe({ files }: Comparison, part: RangePart): string {
  return `${files[part.file]?.path} has other content in bytes ${part.byte} to ${part.byte + part.length} than when it was read`;
}
