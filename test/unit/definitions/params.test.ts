import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { isHoldfastError } from '../../../definitions/errors.ts';
import { describeParams, normalizeParams, type ParamsSpec, parseParams } from '../../../definitions/params.ts';

const spec = normalizeParams(
  {
    file: 'string',
    region: { type: 'string', default: 'EU', about: 'which orders' },
    top: 'number?',
    loud: { type: 'boolean', default: false },
  },
  'job j',
);
const failureOf = (fn: () => unknown): string => {
  try {
    fn();
    return 'none';
  } catch (error) {
    if (isHoldfastError(error)) return `${error.code}: ${error.message}`;
    throw error;
  }
};

describe('params', () => {
  test('text from a command line becomes typed values, with defaults; optional ones not given are left out', () => {
    expect(parseParams(spec, { file: '007' }, 'text')).toEqual({ file: '007', region: 'EU', loud: false });
    expect(parseParams(spec, { file: 'f', top: '-1.5e2', loud: 'true', region: '' }, 'text')).toEqual({
      file: 'f',
      region: '',
      top: -150,
      loud: true,
    });
  });

  test('values from a program are checked and not converted', () => {
    expect(parseParams(spec, { file: 'f', top: 3 }, 'values')).toEqual({
      file: 'f',
      region: 'EU',
      loud: false,
      top: 3,
    });
    expect(failureOf(() => parseParams(spec, { file: 'f', top: '3' }, 'values'))).toBe(
      "HF_PARAM_INVALID: Param top is '3'; give a number.",
    );
  });

  test('an unknown param is named, with those that there are', () => {
    expect(failureOf(() => parseParams(spec, { flie: 'x' }, 'text'))).toBe(
      'HF_PARAM_UNKNOWN: There is no param flie; did you mean file? The job takes file, region, top, loud.',
    );
    expect(failureOf(() => parseParams(normalizeParams(undefined, 'job j'), { a: '1' }, 'text'))).toContain(
      'takes none',
    );
  });

  test('a missing param is named, with how to give it', () => {
    expect(failureOf(() => parseParams(spec, {}, 'text'))).toContain(
      'HF_PARAM_MISSING: Param file (string) is missing: give it with --param file=',
    );
  });

  test.each([
    ['top', 'many'],
    ['top', ''],
    ['top', '0x10'],
    ['top', 'Infinity'],
    ['loud', 'yes'],
  ])('%s=%s is refused', (param, text) => {
    expect(failureOf(() => parseParams(spec, { file: 'f', [param]: text }, 'text'))).toContain(
      `HF_PARAM_INVALID: Param ${param} is '${text}'`,
    );
  });

  test('each is listed for --help', () => {
    expect(describeParams(spec).slice(0, 2)).toEqual([
      { name: 'file', kind: 'string', required: true, default: undefined, about: null },
      { name: 'region', kind: 'string', required: false, default: 'EU', about: 'which orders' },
    ]);
  });

  test.each<[unknown, string]>([
    ['file', 'params'],
    [{ file: 'text' }, 'params.file'],
    [{ file: { type: 'string', default: 3 } }, 'params.file.default'],
    [{ file: { type: 'string', help: 'x' } }, 'params.file.help'],
    [{ file: { type: 'string', about: 3 } }, 'params.file.about'],
    [{ 'a=b': 'string' }, 'params.a=b'],
  ])('the definition %j is refused at %s', (given, option) => {
    expect(failureOf(() => normalizeParams(given as ParamsSpec, 'job j'))).toContain(
      `job j cannot be defined: option ${option} is`,
    );
  });
});

describe('a schema for all params', () => {
  const schema = normalizeParams(
    z.object({
      file: z.string().describe('what to read'),
      top: z.number().max(9).default(3),
      dry: z.boolean().optional(),
    }),
    'job j',
  );

  test('gives out what the schema makes, with text converted to the kinds that it names', () => {
    expect(parseParams(schema, { file: 'f', dry: 'true' }, 'text')).toEqual({ file: 'f', top: 3, dry: true });
  });

  test('names unknown, missing and invalid ones', () => {
    expect(failureOf(() => parseParams(schema, { file: 'f', tpo: '3' }, 'text'))).toContain(
      'HF_PARAM_UNKNOWN: There is no param tpo; did you mean top?',
    );
    expect(failureOf(() => parseParams(schema, {}, 'text'))).toContain('HF_PARAM_MISSING: Param file');
    expect(failureOf(() => parseParams(schema, { file: 'f', top: '10' }, 'text'))).toContain(
      'HF_PARAM_INVALID: Param top is 10',
    );
  });

  test('is listed for --help', () => {
    expect(describeParams(schema).map(({ name, kind, required, about }) => [name, kind, required, about])).toEqual([
      ['file', 'string', true, 'what to read'],
      ['top', 'number', false, null],
      ['dry', 'boolean', false, null],
    ]);
  });

  test('is refused when it answers later', () => {
    const later = normalizeParams(
      z.object({ a: z.string() }).refine(async () => true),
      'job j',
    );
    expect(failureOf(() => parseParams(later, { a: 'x' }, 'text'))).toContain('HF_PARAM_INVALID');
  });
});
