import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const root = join(import.meta.dirname, '../..');
const examples = readdirSync(join(root, 'examples'), { withFileTypes: true }).filter((entry) => entry.isDirectory());

test('every example is run by a test, and listed', () => {
  const list = readFileSync(join(root, 'examples/README.md'), 'utf8');
  const names = examples.map(({ name }) => name);
  expect(names.length).toBeGreaterThan(3);
  expect(names.filter((name) => !existsSync(join(import.meta.dirname, `${name}.test.ts`)))).toEqual([]);
  expect(names.filter((name) => !list.includes(`| [${name}](${name}/`))).toEqual([]);
});
