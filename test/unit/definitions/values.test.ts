import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isHoldfastError } from '../../../definitions/errors.ts';
import { decodeValue, encodeValue } from '../../../definitions/values.ts';

const storable = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.string({ unit: 'binary' }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.bigInt(),
    fc.boolean(),
    fc.constantFrom(null, undefined, -0),
    fc.date({ noInvalidDate: false }),
    fc.uint8Array(),
    fc.array(tie('value')),
    fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('$hf', '__proto__', 'toJSON')), tie('value'), {
      noNullPrototype: true,
    }),
  ),
})).value;

const pathOf = (value: unknown): unknown => {
  try {
    encodeValue(value);
  } catch (error) {
    if (isHoldfastError(error, 'HF_RESULT_NOT_STORABLE')) return error.fields['path'];
    throw error;
  }
  return 'stored';
};

describe('stored values', () => {
  test('what may be stored comes back as it went in', () => {
    fc.assert(fc.property(storable, (value) => expect(decodeValue(encodeValue(value))).toStrictEqual(value)));
  });

  test('JSON is its own encoding', () => {
    const json = fc.jsonValue({ noUnicodeString: false }).filter((value) => !/\$hf|-0/.test(JSON.stringify(value)));
    fc.assert(
      fc.property(json, (value) => {
        fc.pre(!hasMinusZero(value));
        expect(encodeValue(value)).toBe(JSON.stringify(value));
      }),
    );
  });

  test.each([
    [{ $hf: ['undefined'] }],
    [{ $hf: { $hf: ['bigint', '1'] } }],
    [{ $hf: undefined }],
    [{ $hf: 1, other: new Date(5) }],
    [{ deep: [{ $hf: [] }] }],
  ])('an object that looks like an escape comes back as it was: %j', (value) => {
    expect(decodeValue(encodeValue(value))).toStrictEqual(value);
  });

  test('the encoding of each kind is fixed, because stored values outlive a version', () => {
    const value = {
      u: undefined,
      b: -12n,
      d: new Date(1_700_000_000_000),
      y: new Uint8Array([222, 173, 190, 239]),
      z: -0,
    };
    expect(encodeValue(value)).toBe(
      '{"u":{"$hf":["undefined"]},"b":{"$hf":["bigint","-12"]},"d":{"$hf":["date",1700000000000]},' +
        '"y":{"$hf":["bytes","3q2+7w=="]},"z":{"$hf":["number","-0"]}}',
    );
  });

  test('an own key __proto__ comes back as a key and changes no prototype', () => {
    const value = JSON.parse('{"__proto__":{"polluted":true},"big":1}') as object;
    const back = decodeValue(encodeValue({ ...value, n: 1n, inner: value })) as Record<string, object>;
    expect(Object.keys(back['inner'] as object)).toEqual(['__proto__', 'big']);
    expect(Object.getPrototypeOf(back['inner'])).toBe(Object.prototype);
  });

  test('bytes of any length come back', () => {
    const bytes = Uint8Array.from({ length: 100_000 }, (_, n) => n % 251);
    expect(decodeValue(encodeValue(bytes))).toEqual(bytes);
    expect(decodeValue(encodeValue(Buffer.from('grün')))).toEqual(new Uint8Array(Buffer.from('grün')));
  });

  const holed = [1];
  holed[2] = 3;
  const cyclic: Record<string, unknown> = { list: [] };
  (cyclic['list'] as unknown[]).push(cyclic);
  test.each<[string, unknown, string]>([
    ['a function', { a: { b: () => 1 } }, '$.a.b'],
    ['a symbol', [Symbol('s')], '$[0]'],
    ['NaN', { a: [1, Number.NaN] }, '$.a[1]'],
    ['an infinity', Number.NEGATIVE_INFINITY, '$'],
    [
      'an instance of a class',
      {
        at: new (class Point {
          x = 1;
        })(),
      },
      '$.at',
    ],
    ['an instance of a class that is an array', { rows: new (class Rows extends Array {})() }, '$.rows'],
    ['an instance of a class that is a date', { at: new (class Zoned extends Date {})(0) }, '$.at'],
    ['a date with other properties', { at: Object.assign(new Date(0), { zone: 'CET' }) }, '$.at'],
    [
      'a date by name alone',
      {
        at: {
          get [Symbol.toStringTag]() {
            return 'Date';
          },
        },
      },
      '$.at',
    ],
    ['a Map', { seen: new Map() }, '$.seen'],
    ['an error', { error: new Error('no') }, '$.error'],
    ['a promise', { later: Promise.resolve(1) }, '$.later'],
    ['a value within itself', cyclic, '$.list[0]'],
    ['an array with a hole', { list: holed }, '$.list'],
    ['an array with other properties', /a/.exec('a'), '$'],
    ['an object with a symbol for a key', { a: { [Symbol.for('s')]: 1 } }, '$.a'],
    ['an object with its own toJSON', { toJSON: () => 1 }, '$.toJSON'],
    ['floats', { list: new Float64Array(2) }, '$.list'],
  ])('%s is refused with the path to it', (_title, value, path) => {
    expect(pathOf(value)).toBe(path);
  });

  test('a hidden toJSON is not asked: what is there is stored', () => {
    const value = Object.defineProperty({ a: 1 }, 'toJSON', { value: () => 'another', enumerable: false });
    expect(decodeValue(encodeValue({ inner: value }))).toEqual({ inner: { a: 1 } });
  });

  test('the same object twice is no value within itself', () => {
    const shared = { at: new Date(0) };
    expect(decodeValue(encodeValue([shared, shared]))).toEqual([shared, shared]);
  });

  test('a text that no encoding made is refused', () => {
    expect(() => decodeValue('{"$hf":["future",1]}')).toThrow(SyntaxError);
    expect(() => decodeValue('{')).toThrow(SyntaxError);
  });
});

function hasMinusZero(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return Object.is(value, -0);
  return Object.values(value).some(hasMinusZero);
}
