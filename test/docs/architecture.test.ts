import { basename } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { trackedFiles } from '../tidy/tracked-files.ts';

const page = trackedFiles(/^ARCHITECTURE\.md$/)[0]?.text ?? '';
const numbers = [...page.matchAll(/^(\d+)\. .+$/gm)].map((match) => Number(match[1]));

describe('ARCHITECTURE.md', () => {
  test('has the invariants in order', () => {
    expect(numbers).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test('names, for each invariant, test files with a title that names it', () => {
    const titles = trackedFiles(/^test\/.*\.test\.ts$/).flatMap(({ path, text }) =>
      [...text.matchAll(/\(invariants? ([\d, and]+)\)/g)].flatMap((match) =>
        (match[1] ?? '').split(/\D+/).map((number) => `${number} ${path}`),
      ),
    );
    const table = [...page.matchAll(/^\| (\d+) \| (.+) \|$/gm)].map((match) => ({
      number: Number(match[1]),
      files: [...(match[2] ?? '').matchAll(/`([^`]+)`/g)].map((file) => file[1] ?? ''),
    }));
    expect(table.map(({ number }) => number)).toEqual(numbers);
    expect(table.filter(({ files }) => files.length === 0)).toEqual([]);
    const unheld = table.flatMap(({ number, files }) => files.map((file) => `${number} ${file}`));
    expect(unheld.filter((claim) => !titles.includes(claim))).toEqual([]);
  });

  test('has a row for every room', () => {
    const rooms = [...page.matchAll(/^\| `([a-z]+)\/` \|/gm)].map((match) => match[1]);
    const folders = new Set(
      trackedFiles(/^(?!test|bench|docs|examples|scripts|bin)[a-z]+\/.*\.ts$/).map(({ path }) => path.split('/')[0]),
    );
    expect([...folders].filter((folder) => !rooms.includes(folder))).toEqual([]);
  });
});

describe('decisions', () => {
  const decisions = trackedFiles(/^docs\/decisions\/.*\.md$/);

  test('are numbered without gaps, and titled with their number', () => {
    const paths = decisions.map(({ path }) => path).sort();
    expect(paths.map((path) => Number(basename(path).slice(0, 4)))).toEqual(paths.map((_, at) => at + 1));
    for (const { path, text } of decisions) {
      expect(text).toMatch(new RegExp(`^# ${Number(basename(path).slice(0, 4))}\\. `));
    }
  });
});
