import type { PlannedRange, SourceChange, SourceState } from './source.ts';
import { lookAt } from './source-files.ts';
import type { FileLook, SourceFile } from './source-files.ts';

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

export async function compareFiles(_: {
  readonly before: SourceState;
  readonly files: readonly SourceFile[];
  readonly directory: string;
  readonly ranges: () => AsyncIterable<Pick<PlannedRange, 'from' | 'to' | 'checksum'>>;
}): Promise<SourceChange> {
  throw new Error('being written');
}
