import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { jsonProblem, readValue } from '../../../cli/read-value.ts';

describe('what is no JSON is named with its place', () => {
  test.each([
    ['{town: 1}', '"t" is not expected there (line 1, column 2)'],
    ['{\n "a": 1,\n b: 2}', '"b" is not expected there (line 3, column 2)'],
    ["{'a': 1}", '"\'" is not expected there (line 1, column 2)'],
    ['"a\nb"', '"\\n" is not expected there (line 1, column 3)'],
    ['[1,2,]', '"]" is not expected there (line 1, column 6)'],
    ['{"a":1}}', '"}" is not expected there (line 1, column 8)'],
    ['abc', '"a" is not expected there (line 1, column 1)'],
    ['nulx', '"x" is not expected there (line 1, column 4)'],
    ['01', '"1" is not expected there (line 1, column 2)'],
    ['{"a":"x', 'it ends too early (line 1, column 8)'],
    ['[1', 'it ends too early (line 1, column 3)'],
    ['-', 'it ends too early (line 1, column 2)'],
    ['"\\u1', 'it ends too early (line 1, column 5)'],
    ['', 'it is empty'],
    [' \n', 'it is empty'],
  ])('%j', (text, problem) => {
    expect(jsonProblem(text)).toBe(problem);
  });

  test('JSON has no problem', () => {
    expect(['1', '"x"', '{"a":[null]}', ' true '].map(jsonProblem)).toEqual([null, null, null, null]);
  });
});

describe('a value', () => {
  test('is JSON, with what JSON has no form for in the encoding of values', async () => {
    expect(await readValue('{"at":{"$hf":["date",0]},"n":{"$hf":["bigint","12"]}}', '--input')).toEqual({
      at: new Date(0),
      n: 12n,
    });
  });

  test('is read from a file, and one that is missing or no JSON is said', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'hf-value-'));
    try {
      const file = join(directory, 'in.json');
      writeFileSync(file, '{"town":"Bonn"}\n');
      expect(await readValue(`@${file}`, '--input')).toEqual({ town: 'Bonn' });
      writeFileSync(file, '{"town"}');
      await expect(readValue(`@${file}`, '--input')).rejects.toThrow(
        `Option --input is @${file}; it is not JSON: "}" is not expected there (line 1, column 8).`,
      );
      await expect(readValue(`@${file}.gone`, '--input')).rejects.toThrow('there is no such file');
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test('of an encoding that there is not is refused', async () => {
    await expect(readValue('{"$hf":["moon",1]}', '--input')).rejects.toThrow('Not a stored value');
  });
});
