import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** What `server.json` remembers. A hint only: the process table says whether it is still true. */
export interface ServerRecord {
  readonly pid: number;
  readonly port: number;
  readonly uiPort: number | null;
  /** Started by `holdfast server start`: it stays until `holdfast server stop`. */
  readonly keep: boolean;
  readonly program: string;
  readonly startedAt: string;
}

/** The record, or null where there is none that can be read: a damaged one is worth no more than none. */
export function readRecord(file: string): ServerRecord | null {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return isRecord(value) ? value : null;
  } catch {
    return null;
  }
}

/** Written aside and renamed: a reader sees the old record or the new one. Call it under the server's lock. */
export function writeRecord(file: string, record: ServerRecord): void {
  const aside = `${file}.${process.pid}.tmp`;
  writeFileSync(aside, `${JSON.stringify(record, null, 2)}\n`);
  renameSync(aside, file);
}

export function removeRecord(file: string): void {
  rmSync(file, { force: true });
}

function isRecord(value: unknown): value is ServerRecord {
  if (typeof value !== 'object' || value === null) return false;
  const record = value as Partial<Record<keyof ServerRecord, unknown>>;
  return (
    isPositiveInteger(record.pid) &&
    isPositiveInteger(record.port) &&
    (record.uiPort === null || isPositiveInteger(record.uiPort)) &&
    typeof record.keep === 'boolean'
  );
}

function isPositiveInteger(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}
