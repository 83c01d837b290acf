import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createHome, findHome } from '../../../server/home.ts';

let root: string;

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-home-')));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('where the home is', () => {
  test('it is beside the nearest package.json above the working directory', () => {
    const cwd = join(root, 'project', 'a', 'b');
    mkdirSync(cwd, { recursive: true });
    writeFileSync(join(root, 'project', 'package.json'), '{}');
    expect(findHome({ cwd, env: {} })).toBe(join(root, 'project', '.holdfast'));
  });

  test('without a package.json it is in the working directory', () => {
    expect(findHome({ cwd: root, env: {} })).toBe(join(root, '.holdfast'));
  });

  test('HOLDFAST_HOME decides, from the working directory where it is relative', () => {
    writeFileSync(join(root, 'package.json'), '{}');
    expect(findHome({ cwd: root, env: { HOLDFAST_HOME: '/srv/state' } })).toBe('/srv/state');
    expect(findHome({ cwd: root, env: { HOLDFAST_HOME: 'state' } })).toBe(join(root, 'state'));
  });

  test('a link to a project and the project itself are one home', () => {
    mkdirSync(join(root, 'project'));
    writeFileSync(join(root, 'project', 'package.json'), '{}');
    symlinkSync(join(root, 'project'), join(root, 'link'));
    expect(findHome({ cwd: join(root, 'link'), env: {} })).toBe(findHome({ cwd: join(root, 'project'), env: {} }));
  });

  test('finding it creates nothing', () => {
    expect(existsSync(findHome({ cwd: root, env: {} }))).toBe(false);
  });
});

describe('making the home', () => {
  test('all of it is kept out of git', () => {
    const home = createHome(join(root, 'deep', '.holdfast'));
    expect(readFileSync(join(home, '.gitignore'), 'utf8')).toBe('*\n');
  });

  test('a directory that the user had already gets no .gitignore', () => {
    mkdirSync(join(root, 'mine'));
    createHome(join(root, 'mine'));
    expect(existsSync(join(root, 'mine', '.gitignore'))).toBe(false);
  });

  test('a home that cannot be made is named', () => {
    writeFileSync(join(root, 'file'), '');
    expect(() => createHome(join(root, 'file', '.holdfast'))).toThrow(
      expect.objectContaining({ code: 'HF_HOME_UNWRITABLE' }),
    );
  });

  (existsSync('/proc/self') ? test : test.skip)('where the kernel makes the directories it fails at once', () => {
    expect(() => createHome('/proc/holdfast/home')).toThrow(expect.objectContaining({ code: 'HF_HOME_UNWRITABLE' }));
  });
});
