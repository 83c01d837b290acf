import type { FileHandle } from 'node:fs/promises';
import { glob, open, stat } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HoldfastError } from '../definitions/errors.ts';

/** A path, a `file:` URL or a glob. Relative ones are relative to the working directory. */
export type FilePath = string | URL;

/** One file of a source. */
export interface SourceFile {
  /** As it was given, or as the glob found it: what messages and the state name it by. */
  readonly path: string;
  readonly location: string;
}

/** What a cheap look at a file shows; equal looks are taken to mean equal content. */
export interface FileLook {
  readonly size: number;
  readonly mtimeMs: number;
  readonly inode: string;
}

/** The files that the paths stand for: in the order given, the matches of a glob sorted, each file once. */
export async function findFiles(paths: readonly FilePath[], directory: string): Promise<readonly SourceFile[]> {
  const found = new Map<string, SourceFile>();
  for (const given of paths) {
    const path = readPath(given);
    for (const file of await expandPath(path, directory)) {
      if (!found.has(file.location)) found.set(file.location, file);
    }
  }
  return [...found.values()];
}

/** How a path stands in an identity or a message. */
export function showPath(given: FilePath): string {
  return given instanceof URL ? given.href : given;
}

function readPath(given: FilePath): string {
  const text = showPath(given);
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (given instanceof URL ? given.protocol === 'file:' : scheme === 'file') {
    try {
      return fileURLToPath(given);
    } catch (cause) {
      throw new HoldfastError(
        'HF_SOURCE_UNREADABLE',
        { file: text, reason: 'it is not a URL of a local file' },
        { cause },
      );
    }
  }
  if (given instanceof URL || scheme !== undefined) {
    const reason = `this version reads files only, not ${scheme ?? 'such'} URLs; download it and name the file`;
    throw new HoldfastError('HF_SOURCE_UNREADABLE', { file: text, reason });
  }
  return text;
}

async function expandPath(path: string, directory: string): Promise<readonly SourceFile[]> {
  const location = resolve(directory, path);
  // A file named `a[1].csv` is that file, though it reads like a glob.
  if (!/[*?[\]{}]/.test(path) || (await exists(location))) return [{ path, location }];
  const matches: string[] = [];
  for await (const match of glob(path, { cwd: directory })) matches.push(match);
  const files: SourceFile[] = [];
  for (const match of matches.sort()) {
    const at = isAbsolute(match) ? match : resolve(directory, match);
    if (!(await stat(at).catch(() => null))?.isDirectory()) files.push({ path: match, location: at });
  }
  if (files.length === 0) throw new HoldfastError('HF_SOURCE_EMPTY_GLOB', { pattern: path, directory });
  return files;
}

async function exists(location: string): Promise<boolean> {
  return stat(location).then(
    () => true,
    () => false,
  );
}

/** Opens a file for reading and gives it to `use`; what stands against that is said with the file's name. */
export async function withFile<T>(
  file: SourceFile,
  directory: string,
  use: (handle: FileHandle, look: FileLook) => Promise<T>,
): Promise<T> {
  if (/\.(gz|zst|bz2|xz|zip)$/i.test(file.path)) {
    const reason = 'it is compressed; decompress it first';
    throw new HoldfastError('HF_SOURCE_UNREADABLE', { file: file.path, reason });
  }
  const look = await lookAt(file, directory);
  const handle = await open(file.location, 'r').catch((cause: unknown) => {
    throw explain(cause, file, directory);
  });
  try {
    return await use(handle, look);
  } finally {
    await handle.close();
  }
}

/** A look at a file that must be there and be a file. */
export async function lookAt(file: SourceFile, directory: string): Promise<FileLook> {
  const found = await stat(file.location, { bigint: true }).catch((cause: unknown) => {
    throw explain(cause, file, directory);
  });
  if (found.isDirectory()) throw new HoldfastError('HF_SOURCE_IS_DIRECTORY', { file: file.path });
  if (!found.isFile())
    throw new HoldfastError('HF_SOURCE_UNREADABLE', { file: file.path, reason: 'it is not a regular file' });
  return { size: Number(found.size), mtimeMs: Number(found.mtimeNs) / 1e6, inode: String(found.ino) };
}

export function sameLook(a: FileLook, b: FileLook): boolean {
  return a.size === b.size && a.mtimeMs === b.mtimeMs && a.inode === b.inode;
}

function explain(cause: unknown, file: SourceFile, directory: string): HoldfastError {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return new HoldfastError('HF_SOURCE_MISSING', { file: file.path, directory }, { cause });
  if (code === 'EISDIR') return new HoldfastError('HF_SOURCE_IS_DIRECTORY', { file: file.path }, { cause });
  const denied = code === 'EACCES' || code === 'EPERM';
  const reason = denied ? 'permission denied; give this user the right to read it' : String((cause as Error).message);
  return new HoldfastError('HF_SOURCE_UNREADABLE', { file: file.path, reason }, { cause });
}

/** Reads up to `length` bytes at `position` into `into` from `offset`; fewer only where the file ends. */
export async function readInto(
  handle: FileHandle,
  into: Buffer,
  span: { readonly offset: number; readonly length: number; readonly position: number },
): Promise<number> {
  let done = 0;
  while (done < span.length) {
    const { bytesRead } = await handle.read(into, span.offset + done, span.length - done, span.position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}
