import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { cachedProgram, openCache } from '../../../server/program-cache.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-cache-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test('the cache is the user’s own, and made when it is needed', () => {
  const usual = process.platform === 'darwin' ? 'Library/Caches/holdfast' : '.cache/holdfast';
  expect(openCache({ HOME: directory })).toEqual({ path: join(directory, usual) });
  expect(openCache({ HOME: '/nowhere', XDG_CACHE_HOME: directory })).toEqual({ path: join(directory, 'holdfast') });
  expect(existsSync(join(directory, 'holdfast'))).toBe(true);
});

test('where the cache cannot be written, a temporary directory of this user alone is used, and that is said', () => {
  writeFileSync(join(directory, 'file'), '');
  const { path, note } = openCache({ XDG_CACHE_HOME: join(directory, 'file') });
  try {
    expect(path.startsWith(tmpdir())).toBe(true);
    expect(note).toContain(join(directory, 'file'));
    expect(statSync(path).mode & 0o077).toBe(0);
  } finally {
    rmSync(path, { recursive: true });
  }
});

test('another version is another file', () => {
  expect(cachedProgram(directory, 'temporal')).toMatch(/temporal-\d+\.\d+\.\d+-/);
});
