import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type FileLock, tryLock } from '../../../database/file-lock.ts';

let directory: string;
let path: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-lock-'));
  path = join(directory, 'a.lock');
});

afterEach(async () => {
  for (const child of children.splice(0)) await end(child);
  rmSync(directory, { recursive: true });
});

/** Starts another process that tries for the lock; resolves to what it said. */
async function startHolder(): Promise<{ child: ChildProcess; said: string }> {
  const program = join(import.meta.dirname, 'programs/hold-lock.ts');
  const child = spawn(process.execPath, [program, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const [said] = await once(child.stdout as NonNullable<typeof child.stdout>, 'data');
  return { child, said: String(said).trim() };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

function take(): FileLock {
  const lock = tryLock(path);
  if (lock === null) throw new Error('the lock is held by another');
  return lock;
}

describe('a file lock', () => {
  test('held in this process is refused to a second open in it, until it is released', () => {
    const first = take();
    expect(tryLock(path)).toBeNull();
    first.release();
    take().release();
  });

  test('held by another process is refused, and one held here is refused to another process', async () => {
    const { child, said } = await startHolder();
    expect(said).toBe('held');
    expect(tryLock(path)).toBeNull();
    expect((await startHolder()).said).toBe('taken');
    await end(child);
    const lock = take();
    expect((await startHolder()).said).toBe('taken');
    lock.release();
  });

  test('is free after its holder was killed with SIGKILL, and keeps the rows it wrote', async () => {
    const { child } = await startHolder();
    await end(child);
    const lock = take();
    expect(lock.all('SELECT pid FROM holder')).toEqual([{ pid: child.pid }]);
    lock.release();
  });

  test('stays held by a process that is stopped with SIGSTOP', async () => {
    const { child } = await startHolder();
    child.kill('SIGSTOP');
    expect(tryLock(path)).toBeNull();
    await end(child);
    take().release();
  });

  test('is kept across writes, also ones that fail', () => {
    const lock = take();
    lock.run('CREATE TABLE t (a INTEGER PRIMARY KEY)');
    lock.run('INSERT INTO t VALUES (1)');
    expect(() => lock.run('INSERT INTO t VALUES (1)')).toThrow(/UNIQUE/);
    expect(tryLock(path)).toBeNull();
    expect(lock.all('SELECT a FROM t')).toEqual([{ a: 1 }]);
    lock.release();
  });

  test('released with remove leaves nothing behind', () => {
    const lock = take();
    lock.run('CREATE TABLE t (a)');
    lock.release({ remove: true });
    lock.release({ remove: true });
    if (process.platform !== 'win32') expect(readdirSync(directory)).toEqual([]);
    take().release();
    expect(existsSync(path)).toBe(true);
  });

  test('whose file was removed by hand is not confused with the file that took its place', () => {
    const old = take();
    rmSync(path);
    const fresh = take();
    expect(tryLock(path)).toBeNull();
    old.release();
    expect(tryLock(path)).toBeNull();
    fresh.release();
  });

  test('on a file that is no database, or in no directory, is an error with its name', () => {
    writeFileSync(path, 'not a database, however long this text may be, and it is longer than a header');
    expect(() => tryLock(path)).toThrow(expect.objectContaining({ code: 'HF_DATABASE_NOT' }));
    expect(() => tryLock(join(directory, 'none', 'a.lock'))).toThrow(
      expect.objectContaining({ code: 'HF_DATABASE_UNREADABLE' }),
    );
  });
});
