import { resolve } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Database } from '../database/database.ts';
import { HoldfastError, isHoldfastError } from '../definitions/errors.ts';
import { DEFAULTS } from '../definitions/limits.ts';
import { decodeValue, encodeValue } from '../definitions/values.ts';
import type { StoredRow } from './entry.ts';
import type { NewEntry } from './entry-rows.ts';
import { HEAD_DIGITS, hexOf } from './key-bytes.ts';
import type { Hit, MemoTask, Seal } from './memoization.ts';
import { readResult, resultPath, writeResult } from './result-files.ts';

export interface ResultsOptions {
  readonly database: Database;
  readonly results: string;
  readonly directory: string;
  readonly seal: Seal | null;
}

/** What of a stored result depends on its value. */
export type Packed = Pick<NewEntry, 'form' | 'sealed' | 'bytes' | 'checksum' | 'folderNo' | 'file' | 'value'>;

const OWN_FORM = 0;
const CALLERS_FORM = 1;

/** Makes of values what is stored, and the other way round. */
export class Results {
  readonly #options: ResultsOptions;
  readonly #folders = new Map<string, Promise<number>>();

  constructor(options: ResultsOptions) {
    this.#options = options;
  }

  /** @throws HF_RESULT_NOT_STORABLE with the task */
  encode(task: MemoTask, value: unknown): Uint8Array | Promise<Uint8Array> {
    if (task.values !== undefined) return task.values.encode(value);
    try {
      return Buffer.from(encodeValue(value));
    } catch (error) {
      if (!isHoldfastError(error, 'HF_RESULT_NOT_STORABLE')) throw error;
      const path = `${error.fields.path} of the result of task ${task.name}`;
      throw new HoldfastError('HF_RESULT_NOT_STORABLE', { path, value: error.fields.value }, { cause: error });
    }
  }

  decode(task: MemoTask, bytes: Uint8Array): unknown {
    if (task.values !== undefined) return task.values.decode(bytes);
    return decodeValue(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
  }

  /** What is stored of a result: large ones, and all of a task with a storage of its own, become files here. */
  async pack(task: MemoTask, hash: string, plain: Uint8Array): Promise<Packed> {
    const { seal } = this.#options;
    const bytes = seal === null ? plain : await seal.seal(plain);
    const packed = { form: formOf(task), sealed: seal !== null, bytes: bytes.length };
    if (task.memoize.storage === null && bytes.length <= DEFAULTS.memoInlineBytesMax) {
      return { ...packed, checksum: checksumOf(hash, bytes), folderNo: null, file: null, value: bytes };
    }
    const folder = this.#folderOf(task);
    const folderNo = await this.#note(folder);
    const sha256 = await writeResult(folder, bytes);
    return { ...packed, checksum: null, folderNo, file: Buffer.from(sha256, 'hex'), value: null };
  }

  /** The result of a row; null where it is missing or damaged, or where it cannot be opened. A promise only where it must be. */
  take(task: MemoTask, row: StoredRow): Hit | null | Promise<Hit | null> {
    if (row.form !== formOf(task)) return null;
    if (row.file !== null || row.sealed !== 0) return this.#fetch(row).then((bytes) => this.#hit(task, row, bytes));
    return this.#hit(task, row, inlineBytes(row));
  }

  /** The plain bytes of a row; null where they are missing, damaged, or sealed and cannot be opened. */
  async #fetch(row: StoredRow): Promise<Uint8Array | null> {
    const bytes = await storedBytes(row);
    if (bytes === null || row.sealed === 0) return bytes;
    return this.#options.seal === null ? null : this.#options.seal.unseal(bytes).catch(() => null);
  }

  #hit(task: MemoTask, row: StoredRow, bytes: Uint8Array | null): Hit | null {
    if (bytes === null) return null;
    const made = { costMs: row.cost_ms, madeAt: row.made_at, madeBy: row.made_by };
    return this.#decoded(task, bytes, made);
  }

  /** A result that was just encoded by one task for another of its name; null where that one reads another form. */
  hitOf(
    task: MemoTask,
    { by, plain, made }: { readonly by: MemoTask; readonly plain: Uint8Array; readonly made: Omit<Hit, 'value'> },
  ): Hit | null {
    return formOf(by) === formOf(task) ? this.#decoded(task, plain, made) : null;
  }

  #decoded(task: MemoTask, bytes: Uint8Array, made: Omit<Hit, 'value'>): Hit | null {
    try {
      return { ...made, value: this.decode(task, bytes) };
    } catch {
      return null;
    }
  }

  /** The value of a row in the encoding of `definitions/values.ts`; null where there is none to be had. */
  async valueOf(row: StoredRow): Promise<{ readonly value: unknown } | null> {
    if (row.form !== OWN_FORM) return null;
    const bytes = await this.#fetch(row);
    try {
      return bytes === null ? null : { value: decodeValue(Buffer.from(bytes).toString()) };
    } catch {
      return null;
    }
  }

  #folderOf(task: MemoTask): string {
    // Absolute, for the store notes it for processes that run elsewhere.
    return resolve(this.#options.directory, task.memoize.storage ?? this.#options.results);
  }

  /** Once a folder and process, before the first file is there. */
  #note(folder: string): Promise<number> {
    const noted = this.#folders.get(folder);
    if (noted !== undefined) return noted;
    const noting = this.#options.database.write(async (tx) => {
      await tx.run('INSERT INTO hf_memo_folder (path) VALUES (?) ON CONFLICT DO NOTHING', [folder]);
      const sql = 'SELECT folder_no FROM hf_memo_folder WHERE path = ?';
      const [row] = await tx.all<{ folder_no: number }>(sql, [folder]);
      return (row as { folder_no: number }).folder_no;
    });
    this.#folders.set(folder, noting);
    noting.catch(() => this.#folders.delete(folder));
    return noting;
  }
}

/** The bytes of a row as they are stored, checked; null where they are missing or damaged. */
export async function storedBytes(row: StoredRow): Promise<Uint8Array | null> {
  if (row.file === null) return inlineBytes(row);
  const sha256 = hexOf(row.file);
  return row.folder === null ? null : readResult(resultPath(row.folder, sha256), sha256);
}

function inlineBytes(row: StoredRow): Uint8Array | null {
  if (row.value === null || row.checksum === null) return null;
  return row.checksum === crc32(row.value, beginning(row.tail_hex)) ? row.value : null;
}

/** Begun with the key, so that a value is never taken for another key's. */
function checksumOf(hash: string, bytes: Uint8Array): number {
  return crc32(bytes, beginning(hash.slice(HEAD_DIGITS)));
}

const beginning = (digits: string): number => Number.parseInt(digits.slice(0, 8), 16);

const formOf = (task: MemoTask): number => (task.values === undefined ? OWN_FORM : CALLERS_FORM);
