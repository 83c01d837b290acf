import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { ERRORS } from '../../definitions/errors.ts';
import { errorPage } from '../../scripts/write-error-docs.ts';

const page = readFileSync(new URL('../../docs/reference/errors.md', import.meta.url), 'utf8');

describe('the page of errors', () => {
  test('lists exactly the codes of the table, each with its message', () => {
    const listed = [...page.matchAll(/^## (HF_\w+)\n\n.+\n\n```text\n(.+)\n```$/gm)].map(([, code, message]) => [
      code,
      message,
    ]);
    const table = Object.entries(ERRORS).map(([code, { message }]) => [code, message]);
    expect(Object.fromEntries(listed)).toEqual(Object.fromEntries(table));
    expect(listed).toHaveLength(table.length);
  });

  test('is as `node scripts/write-error-docs.ts` writes it', () => {
    expect(page).toBe(errorPage());
  });
});
