import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ERRORS } from '../../definitions/errors.ts';
import { FAILURE_TYPES } from '../../scripts/write-error-docs.ts';
import { root, trackedFiles } from '../tidy/tracked-files.ts';

const documents = trackedFiles(/\.md$/);

describe('documents', () => {
  test('a link inside the repository leads to a file, and to a heading in it', () => {
    const broken = documents.flatMap(({ path, text }) =>
      [...text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)]
        .map((match) => match[1] ?? '')
        .filter((link) => !leadsSomewhere(path, link))
        .map((link) => `${path}: ${link}`),
    );
    expect(broken).toEqual([]);
  });

  test('an error that is named exists', () => {
    const unknown = documents.flatMap(({ path, text }) =>
      [...text.matchAll(/\bHF_[A-Z_]+[A-Z]\b/g)]
        .filter(([code]) => !(code in ERRORS) && !(code in FAILURE_TYPES))
        .map(([code]) => `${path}: ${code}`),
    );
    expect(unknown).toEqual([]);
  });

  test('the rows of a table have as many cells as its head', () => {
    const uneven = documents.flatMap(({ path, text }) => unevenRows(text).map((line) => `${path}: ${line}`));
    expect(uneven).toEqual([]);
  });
});

function leadsSomewhere(from: string, link: string): boolean {
  const [file = '', anchor] = link.split('#');
  const target = file === '' ? from : join(dirname(from), file);
  if (!existsSync(join(root, target))) return false;
  if (anchor === undefined) return true;
  return headings(documents.find(({ path }) => path === target)?.text ?? '').includes(anchor);
}

function headings(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map((match) =>
    (match[1] ?? '')
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .trim()
      .replace(/\s/g, '-'),
  );
}

function unevenRows(text: string): readonly string[] {
  const uneven: string[] = [];
  let head = 0;
  for (const line of text.split('\n')) {
    const cells = line.startsWith('|') ? line.split(/(?<!\\)\|/).length : 0;
    if (cells > 0 && head > 0 && cells !== head) uneven.push(line.slice(0, 100));
    head = cells === 0 ? 0 : head || cells;
  }
  return uneven;
}
