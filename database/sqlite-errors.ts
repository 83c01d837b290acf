import { HoldfastError, isHoldfastError } from '../definitions/errors.ts';

/** What `node:sqlite` throws for an error of SQLite itself; `errcode` is the extended result code. */
interface SqliteError extends Error {
  readonly code: 'ERR_SQLITE_ERROR';
  readonly errcode: number;
  readonly errstr: string;
}

/** Primary result codes, https://sqlite.org/rescode.html */
const PERM = 3;
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const TOOBIG = 18;
const CONSTRAINT = 19;
const MISMATCH = 20;
const RANGE = 25;
const NOTADB = 26;

const DATA = new Set([TOOBIG, CONSTRAINT, MISMATCH, RANGE]);
/** `node:sqlite`'s own refusal of a value. */
const DATA_CODES = new Set(['ERR_INVALID_ARG_TYPE', 'ERR_INVALID_ARG_VALUE', 'ERR_OUT_OF_RANGE']);
const DATA_HOLDFAST = /^HF_(ROW_|SINK_REFUSED$|TX_VALUE$|TX_CALLBACK$)/;

/** The primary result code of an error of SQLite, or undefined for any other error. */
export function sqliteCode(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || (error as SqliteError).code !== 'ERR_SQLITE_ERROR')
    return undefined;
  return (error as SqliteError).errcode & 0xff;
}

export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === BUSY || code === LOCKED;
}

/** A `HoldfastError` for what an operator must mend; any other error as it is. */
export function mapSqliteError(error: unknown, database: string): unknown {
  const reason = error instanceof Error ? error.message : String(error);
  switch (sqliteCode(error)) {
    case BUSY:
    case LOCKED:
      return new HoldfastError('HF_DATABASE_LOCKED', { database }, { cause: error });
    case PERM:
    case READONLY:
      return new HoldfastError('HF_DATABASE_READONLY', { database }, { cause: error });
    case IOERR:
      return new HoldfastError('HF_DATABASE_IO', { database, reason }, { cause: error });
    case CORRUPT:
      return new HoldfastError('HF_DATABASE_CORRUPT', { database, reason }, { cause: error });
    case FULL:
      return new HoldfastError('HF_DATABASE_FULL', { database }, { cause: error });
    case CANTOPEN:
      return new HoldfastError('HF_DATABASE_UNREADABLE', { database, reason }, { cause: error });
    case NOTADB:
      return new HoldfastError('HF_DATABASE_NOT', { database }, { cause: error });
    default:
      return error;
  }
}

/** Whether an error is about the rows, so that narrowing down to the row helps. */
export function isSqliteDataError(error: unknown): boolean {
  if (isHoldfastError(error))
    return DATA_HOLDFAST.test(error.code) || (error.code === 'HF_TX_FAILED' && isSqliteDataError(error.cause));
  const code = sqliteCode(error);
  if (code !== undefined)
    return (
      DATA.has(code) || (code === 1 && /integer overflow|malformed JSON|JSON path/i.test((error as Error).message))
    );
  return typeof error === 'object' && error !== null && DATA_CODES.has(String((error as { code?: unknown }).code));
}
