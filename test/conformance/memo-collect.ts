import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DEFAULTS } from '../../definitions/limits.ts';
import type { MemoEntries } from '../../memoization/entries.ts';
import type { MemoTask } from '../../memoization/memoization.ts';
import { type MemoHome, type MemoProcess, MemoSite, memoTask } from './memo-site.ts';

const LARGE = 'x'.repeat(100_000);

/** What every memoization store must hold of result files, and of what is over. */
export function describeCollecting(title: string, makeHome: () => Promise<MemoHome>): void {
  describe(`${title}: of result files and what is over`, () => {
    let site: MemoSite;
    let process: MemoProcess;
    let entries: MemoEntries;
    let now = 1_000_000;
    const task = memoTask();
    const brief = memoTask('brief', { expires: { kind: 'after', ms: 1_000 } });

    beforeEach(async () => {
      now = 1_000_000;
      site = new MemoSite(await makeHome());
      process = await site.process({ now: () => now });
      entries = await site.entries({ now: () => now });
    });
    afterEach(() => site.end());

    const keyOf = (input: unknown, of = task) => process.memoization.keyOf(of, input);
    const fileOf = async (input: unknown, of = task): Promise<string> => {
      const [view] = await entries.find(keyOf(input, of).hash);
      return view?.file ?? '';
    };

    test('what is over is collected, with its file once that is old, and nothing that is in use', async () => {
      await process.call(task, 'kept', LARGE);
      await process.call(task, 'small', 1);
      await process.call(brief, 'expired', `${LARGE}1`);
      await process.call(task, 'invalidated', `${LARGE}2`);
      const [kept, ...over] = [await fileOf('kept'), await fileOf('expired', brief), await fileOf('invalidated')];
      const leftover = `${kept}.0123456789ab.tmp`;
      await writeFile(leftover, 'begun');
      const stranger = join(dirname(kept), 'notes.txt');
      await writeFile(stranger, 'of the user');
      await entries.invalidate({ key: keyOf('invalidated').hash });
      now += 1_000;
      expect(await entries.collect()).toEqual({ entries: 2, files: 0, bytes: 0 });
      for (const file of [kept, ...over, leftover, stranger]) await age(file);
      expect(await entries.collect()).toEqual({ entries: 0, files: 2, bytes: 200_006 });
      expect([kept, stranger, ...over, leftover].map(existsSync)).toEqual([true, true, false, false, false]);
      expect(await process.call(task, 'kept', 'anew')).toEqual([LARGE, 'hit']);
      expect(await process.call(task, 'small', 'anew')).toEqual([1, 'hit']);
    });

    test('a file is found by every folder in which results were ever stored, and its directory goes with the last one in it', async () => {
      const stored = memoTask('stored', { storage: 'far/away' });
      await process.call(stored, 1, 'x');
      const file = await fileOf(1, stored);
      await entries.invalidate({ task: 'stored' });
      await age(file);
      expect(await entries.collect()).toEqual({ entries: 1, files: 1, bytes: 3 });
      expect(await readdir(dirname(dirname(file)))).toEqual([]);
    });

    test('a folder that is known by two paths is one folder: what an entry of either needs is kept', async () => {
      await mkdir(join(site.home.directory, 'real'));
      await symlink('real', join(site.home.directory, 'link'));
      const [real, link] = ['real', 'link'].map((storage) => memoTask(storage, { storage }));
      await process.call(real as MemoTask, 1, 'x');
      await process.call(link as MemoTask, 1, 'y');
      const files = [await fileOf(1, real), await fileOf(1, link)];
      for (const file of files) await age(file);
      expect(await entries.collect()).toEqual({ entries: 0, files: 0, bytes: 0 });
      expect(files.map(existsSync)).toEqual([true, true]);
      expect(await process.call(link as MemoTask, 1, 'anew')).toEqual(['y', 'hit']);
    });

    test('a result of the same content uses the file that is there, which is not collected then', async () => {
      await process.call(task, 1, LARGE);
      const file = await fileOf(1);
      await entries.invalidate({ key: keyOf(1).hash });
      await age(file);
      await process.call(task, 2, LARGE);
      expect(await fileOf(2)).toBe(file);
      expect(await entries.collect()).toMatchObject({ files: 0 });
      expect(await process.call(task, 2, 'anew')).toEqual([LARGE, 'hit']);
    });

    test('a file that is damaged or missing is a miss, and is written again', async () => {
      for (const spoil of [(file: string) => writeFile(file, 'no'), (file: string) => rm(file)]) {
        await process.call(task, 1, LARGE);
        const file = await fileOf(1);
        await spoil(file);
        expect(await process.peek(task, 1)).toBe('miss');
        expect(await process.call(task, 1, LARGE)).toEqual([LARGE, 'computed']);
        expect(await process.call(task, 1, 'anew')).toEqual([LARGE, 'hit']);
        expect(await readFile(file, 'utf8')).toBe(`"${LARGE}"`);
      }
    });

    test('claims of dead processes are collected', async () => {
      const other = await site.process({ now: () => now });
      await process.hold(task, 1);
      await other.hold(task, 2);
      site.kill(other);
      await entries.collect();
      const running = await entries.list({}, { limit: 10 });
      expect(running.map((view) => view.key)).toEqual([keyOf(1).hash]);
    });

    test('a folder that is gone is no error', async () => {
      await process.call(task, 1, LARGE);
      await rm(site.results, { recursive: true });
      expect(await entries.collect()).toMatchObject({ files: 0 });
      expect(await process.call(task, 1, LARGE)).toEqual([LARGE, 'computed']);
      await mkdir(site.results, { recursive: true });
    });
  });
}

/** Makes a file look as if nobody had written it for long. */
async function age(file: string): Promise<void> {
  const at = new Date(Date.now() - DEFAULTS.memoFileGraceMs - 60_000);
  await utimes(file, at, at);
}
