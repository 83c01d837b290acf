// What reviewers would otherwise repeat. Formatting, unused code and forbidden imports have tools of their own.
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { entries } from '../../scripts/entries.mjs';
import { longFunctions, testTitles } from './functions.ts';
import { root, trackedFiles } from './tracked-files.ts';

const fileLinesMax = 300;
const functionLinesMax = 60;

/** Files that are longer for a reason, and the reason. */
const longFilesAllowed: Readonly<Record<string, string>> = {};

const bannedNames = /^(utils?|helpers?|common|types|impl|manager|misc|shared)$/;
const typescript = trackedFiles(/\.(ts|mts|mjs)$/);
const code = typescript.filter(({ path }) => !/^(test|bench|examples|docs)\//.test(path));
const prose = trackedFiles(
  /\.(md|ts|mjs|js|cjs|json|sql|yml|sh|svg)$|^\.[a-z]+(rc|ignore|attributes|config)?$|^\.ci\//,
);

describe('code', () => {
  test(`a file has at most ${fileLinesMax} lines`, () => {
    const long = typescript.filter(
      ({ path, text }) => longFilesAllowed[path] === undefined && text.trimEnd().split('\n').length > fileLinesMax,
    );
    expect(long.map(({ path, text }) => `${path}: ${text.trimEnd().split('\n').length} lines`)).toEqual([]);
  });

  test(`a function has at most ${functionLinesMax} lines`, () => {
    const long = code.flatMap(({ path, text }) =>
      longFunctions(path, text, functionLinesMax).map(({ line, lines }) => `${path}:${line}: ${lines} lines`),
    );
    expect(long).toEqual([]);
  });

  test('no file or folder is named for what anything could be', () => {
    const vague = trackedFiles(/./)
      .map(({ path }) => path)
      .filter((path) => path.split('/').some((part) => part.split(/[.-]/).some((word) => bannedNames.test(word))));
    // `test/types` holds type tests: there the word says what it is.
    expect(vague.filter((path) => !path.startsWith('test/types/'))).toEqual([]);
  });

  test('nothing is left for later', () => {
    const later = /\b(TODO|FIXME|XXX)\b/;
    const others = typescript.filter(({ path }) => !path.startsWith('test/tidy/'));
    expect(linesThat(others, (line) => later.test(line))).toEqual([]);
  });

  test('there is no enum, and no any in what the package exports', () => {
    const rooms = code.filter(({ path }) => !path.startsWith('scripts/'));
    expect(linesThat(rooms, (line) => /^\s*(export )?(declare )?(const )?enum \w/.test(line))).toEqual([]);
    expect(linesThat(code, (line) => /(:|<|\bas|,|\|)\s*any\b/.test(line) && !/^\s*(\/\/|\*|\/\*)/.test(line))).toEqual(
      [],
    );
  });

  test('the library reads the environment only where its configuration is composed', () => {
    const pure = code.filter(({ path }) => /^(definitions|sources|memoization|ledger|sinks|workflows)\//.test(path));
    expect(linesThat(pure, (line) => line.includes('process.env'))).toEqual([]);
  });

  test('no module waits while it is loaded, so that CommonJS can require the package', () => {
    const rooms = code.filter(({ path }) => !/^(scripts|bin|cli)\//.test(path));
    expect(linesThat(rooms, (line) => /^((const|let|export) .*)?\bawait\b/.test(line))).toEqual([]);
  });
});

describe('tests', () => {
  const tests = trackedFiles(/^test\/.*\.test\.ts$/);

  test('no two tests of a file have the same title', () => {
    const twice = tests.flatMap(({ path, text }) => {
      const titles = testTitles(path, text);
      return titles.filter((title, index) => titles.indexOf(title) !== index);
    });
    expect(twice).toEqual([]);
  });

  test('no test is run alone, and none is skipped but where the machine lacks what it needs', () => {
    const marked = tests.filter(({ path }) => !path.startsWith('test/tidy/'));
    expect(
      linesThat(marked, (line) => /\b(describe|test|it)\.(only|skip|todo)\(|\bx(it|describe|test)\(/.test(line)),
    ).toEqual([]);
  });
});

describe('the repository', () => {
  test('no tracked file names a registry host or a path of one machine', () => {
    const hosts = ['registry', 'npmjs', 'org'];
    const machine = new RegExp(
      `(https?://${hosts[0]}[.]|\\b${hosts.join('[.]')}\\b|/work/|/root/|/home/[a-z]+/|/Users/[A-Za-z]+/)`,
    );
    expect(linesThat(prose, (line) => machine.test(line)).filter((line) => !line.startsWith('test/tidy/'))).toEqual([]);
  });

  test('the lock file leaves the registry to whoever installs, and holds every platform', () => {
    const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
    expect(lock).not.toContain('"resolved"');
    expect(lock).toContain('@swc/core-darwin-arm64');
  });

  test('tsconfig.json knows the same public entries as package.json', () => {
    const { compilerOptions } = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8'));
    const expected = Object.fromEntries(Object.entries(entries).map(([name, source]) => [name, [`./${source}`]]));
    expect(compilerOptions.paths).toEqual(expected);
  });

  test('the loader of job files knows the same public entries as package.json', () => {
    const loader = readFileSync(join(root, 'cli/load-module.ts'), 'utf8');
    const known = [...loader.matchAll(/^ {2}'(holdfast[a-z/]*)',$/gm)].map((match) => match[1] ?? '');
    expect(known.toSorted()).toEqual(Object.keys(entries).toSorted());
  });

  test('every document is linked from another', () => {
    const documents = trackedFiles(/^docs\/.*\.md$/).map(({ path }) => path);
    const text = trackedFiles(/\.(md|ts)$/)
      .map((file) => file.text)
      .join('\n');
    const alone = documents.filter((path) => !text.includes(basename(path)) && !path.startsWith('docs/decisions/'));
    expect(alone).toEqual([]);
  });
});

function linesThat(
  files: readonly { readonly path: string; readonly text: string }[],
  fails: (line: string) => boolean,
): readonly string[] {
  return files.flatMap(({ path, text }) =>
    text
      .split('\n')
      .flatMap((line, index) => (fails(line) ? [`${path}:${index + 1}: ${line.trim().slice(0, 120)}`] : [])),
  );
}
