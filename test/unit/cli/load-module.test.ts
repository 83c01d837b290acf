import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

const root = join(import.meta.dirname, '../../..');
const program = join(import.meta.dirname, 'programs/load.ts');

interface Loaded {
  readonly exports?: readonly string[];
  readonly default?: unknown;
  readonly sameCopy?: boolean;
  readonly stack?: string;
  readonly code?: string;
  readonly message?: string;
}

describe.each(['module', 'commonjs'] as const)('a file in a package of type %s', (type) => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'holdfast-load-'));
    put('package.json', JSON.stringify({ type }));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  function put(file: string, text: string): void {
    mkdirSync(dirname(join(directory, file)), { recursive: true });
    writeFileSync(join(directory, file), text);
  }

  /** In a process of its own, as the command does it: Jest has its own way of loading modules. */
  function load(file: string): Loaded {
    const loader = join(root, 'scripts/source-loader.mjs');
    const args = ['--no-warnings', '--import', loader, program, file];
    const done = spawnSync(process.execPath, args, { cwd: directory, encoding: 'utf8' });
    if (done.status !== 0) throw new Error(done.stderr);
    return JSON.parse(done.stdout) as Loaded;
  }

  test('may have enums and imports without an extension', () => {
    put('lib/colour.ts', "export enum Colour { Red = 'red' }\n");
    put(
      'job.ts',
      "import { Colour } from './lib/colour';\nenum Kind { A = 'a' }\nexport default Kind.A + Colour.Red;\n",
    );
    expect(load('job.ts')).toMatchObject({ default: 'ared' });
  });

  test('may await at its top level', () => {
    put('job.ts', 'const n: number = await Promise.resolve(2);\nexport default n;\nexport const other = 1;\n');
    expect(load('job.ts')).toEqual({ exports: ['default', 'other'], default: 2 });
  });

  test('is given the copy of holdfast that loads it', () => {
    put('job.ts', "import { HoldfastError } from 'holdfast';\nexport const error = HoldfastError;\n");
    expect(load('job.ts')).toMatchObject({ sameCopy: true });
  });

  test('may be CommonJS', () => {
    put(
      'job.cjs',
      "const { HoldfastError } = require('holdfast');\nexports.error = HoldfastError;\nexports.default = 7;\n",
    );
    expect(load('job.cjs')).toMatchObject({ default: 7, sameCopy: true });
  });

  test('compiled to CommonJS by another tool has the default export it was written with', () => {
    put('job.cjs', "Object.defineProperty(exports, '__esModule', { value: true });\nexports.default = 'mine';\n");
    expect(load('job.cjs')).toMatchObject({ default: 'mine' });
  });

  test('keeps its line numbers in stack traces', () => {
    const types = 'interface Row {\n  readonly a: string;\n}\ntype Other = Row;\n';
    put(
      'job.ts',
      `${types}enum K {\n  A,\n}\nexport const run = (row?: Other): never => {\n  throw new Error('here');\n};\n`,
    );
    expect(load('job.ts').stack).toContain(`${join(directory, 'job.ts')}:9:`);
  });

  test('that is wrong is refused with what is wrong and where', () => {
    put('syntax.ts', 'const a = 1;\nexport default {;\n');
    put('missing.ts', "import './nowhere';\n");
    put('throws.ts', "\nthrow new Error('not today');\n");
    put('text.ts', "throw 'text';\n");
    const expected = [
      ['syntax.ts', /syntax\.ts could not be loaded as a module: .*syntax\.ts:2:/],
      ['missing.ts', /Cannot find module '\.\/nowhere'/],
      ['throws.ts', /not today \(at .*throws\.ts:2:/],
      ['text.ts', /it threw text/],
    ] as const;
    for (const [file, message] of expected) {
      expect(load(file)).toEqual({ code: 'HF_FILE_NOT_A_MODULE', message: expect.stringMatching(message) });
    }
  });

  test('passes on what Holdfast itself says about a definition', () => {
    put(
      'job.ts',
      "import { HoldfastError } from 'holdfast';\nthrow new HoldfastError('HF_JOB_NAME_TWICE', { job: 't' });\n",
    );
    expect(load('job.ts')).toMatchObject({ code: 'HF_JOB_NAME_TWICE' });
  });

  test('that is missing, a folder or of another kind is refused by name', () => {
    put('data.json', '{}');
    mkdirSync(join(directory, 'folder'));
    expect(load('none.ts')).toMatchObject({ code: 'HF_FILE_MISSING', message: expect.stringContaining('none.ts') });
    expect(load('folder').message).toContain('folder could not be loaded as a module: it is a directory');
    expect(load('data.json').message).toContain('its name does not end in .ts');
  });
});
