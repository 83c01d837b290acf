// Code in documents is what readers copy: each block of TypeScript is compiled as a module, next to the others of its document.
// A block whose first line is a comment with a file name is that file.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import ts from 'typescript';
import { root, trackedFiles } from '../tidy/tracked-files.ts';

const blocks = trackedFiles(/^(README|docs\/.*)\.md$/).flatMap(({ path, text }) =>
  [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match, at) => {
    const code = match[1] ?? '';
    const name = /^\/\/ ([\w-]+\.ts)$/m.exec(code.split('\n')[0] ?? '')?.[1] ?? `block-${at + 1}.ts`;
    return { document: path, name, path: join(root, 'docs-code', path.replaceAll('/', '-'), name), code };
  }),
);

test('code in documents compiles', () => {
  expect(blocks.length).toBeGreaterThan(4);
  const texts = new Map(blocks.map(({ path, code }) => [path, code]));
  // Where a document imports a file that only another one shows.
  const enrich = blocks.find(({ name }) => name === 'enrich.ts');
  for (const { path } of blocks) {
    const beside = join(dirname(path), 'enrich.ts');
    if (enrich && !texts.has(beside)) texts.set(beside, enrich.code);
  }
  expect(compile(texts)).toEqual([]);
}, 120_000);

function compile(texts: ReadonlyMap<string, string>): readonly string[] {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => readFileSync(path, 'utf8'));
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root);
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, directoryExists } = host;
  host.fileExists = (path) => texts.has(path) || fileExists.call(host, path);
  host.readFile = (path) => texts.get(path) ?? readFile.call(host, path);
  host.directoryExists = (path) =>
    [...texts.keys()].some((text) => text.startsWith(`${path}/`)) || directoryExists?.call(host, path) === true;
  const getSourceFile = host.getSourceFile;
  host.getSourceFile = (path, version, ...rest) => {
    const text = texts.get(path);
    return text === undefined
      ? getSourceFile.call(host, path, version, ...rest)
      : ts.createSourceFile(path, text, version);
  };
  const program = ts.createProgram([...texts.keys()], options, host);
  return [...texts.keys()].flatMap((path) => {
    const file = program.getSourceFile(path);
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map((problem) => {
      const line = file?.getLineAndCharacterOfPosition(problem.start ?? 0).line ?? 0;
      return `${path.slice(root.length)}:${line + 1}: ${ts.flattenDiagnosticMessageText(problem.messageText, ' ')}`;
    });
  });
}
