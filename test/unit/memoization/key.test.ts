import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isHoldfastError } from '../../../definitions/errors.ts';
import { expiresAt } from '../../../definitions/memoize.ts';
import { hashOf, keyOf, valueTextOf } from '../../../memoization/key.ts';
import type { MemoTask } from '../../../memoization/memoization.ts';

const taskOf = (more: { name?: string; version?: string; key?: (input: unknown) => unknown } = {}): MemoTask => ({
  name: more.name ?? 'locate',
  version: more.version ?? '1',
  memoize: { expires: { kind: 'never' }, key: more.key ?? null, refresh: false, storage: null, onStoreError: 'fail' },
});
const task = taskOf();
const hashFor = (value: unknown): string => keyOf(task, value, false).hash;
const partsFor = (value: unknown, hidden = false): unknown => JSON.parse(keyOf(task, value, hidden).parts());

const wellFormed = fc.string({ unit: 'grapheme' });
const keyable = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    wellFormed,
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer({ min: -3, max: 3 }),
    fc.bigInt({ min: -3n, max: 3n }),
    fc.boolean(),
    fc.constantFrom(null, -0, 0, '', 'date', 'object', '-0'),
    fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(3) }),
    fc.uint8Array({ maxLength: 2 }),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.oneof(wellFormed, fc.constantFrom('$hf', '__proto__', 'toJSON', 'a', 'b')), tie('value'), {
      noNullPrototype: true,
      maxKeys: 3,
    }),
  ),
})).value;

/** Deep equality of what may be in a key, written without any encoding. */
function isEqual(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Object.is(a, b);
  if (a instanceof Date || b instanceof Date) {
    return a instanceof Date && b instanceof Date && a.getTime() === b.getTime();
  }
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    return a instanceof Uint8Array && b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  }
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && isEqual(member(a, name), member(b, name)))
  );
}

const member = (value: object, name: string): unknown => (value as Record<string, unknown>)[name];

/** A copy with the members of every object in another order. */
function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered);
  if (typeof value !== 'object' || value === null || value instanceof Date || value instanceof Uint8Array) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, inner]) => [name, reordered(inner)]),
  );
}

describe('a memoization key', () => {
  test('is the same for equal inputs, in whatever order their members come', () => {
    fc.assert(fc.property(keyable, (value) => expect(hashFor(reordered(value))).toBe(hashFor(value))));
  });

  test('is another one for another input', () => {
    fc.assert(
      fc.property(keyable, keyable, (a, b) => expect(hashFor(a) === hashFor(b)).toBe(isEqual(a, b))),
      { numRuns: 2_000 },
    );
  });

  test.each([
    [0, -0],
    [1, 1n],
    [1, '1'],
    [1n, '1'],
    [null, 'null'],
    [[], {}],
    [new Date(5), 5],
    [new Date(5), { $hf: ['date', 5] }],
    [{ $hf: ['date', 5] }, { $hf: { $hf: ['date', 5] } }],
    [{ $hf: ['object', 1] }, { $hf: 1 }],
    [new Uint8Array([1]), [1]],
    ['\u00e9', 'e\u0301'],
    [{ a: 1 }, { a: 1, $hf: 1 }],
    [JSON.parse('{"__proto__":1}'), {}],
  ])('tells %j from %j', (a, b) => {
    expect(hashFor(a)).not.toBe(hashFor(b));
  });

  test('is of the task and its version', () => {
    const hashes = [{}, { name: 'other' }, { version: '2' }, { name: 'locate1', version: '' }];
    expect(new Set(hashes.map((more) => keyOf(taskOf(more), 1, false).hash)).size).toBe(hashes.length);
  });

  test('is fixed, because stored results outlive a version of Holdfast', () => {
    const value = { b: [1n, new Date(0), new Uint8Array([222, 173])], a: { $hf: -0 } };
    const key = keyOf(task, value, false);
    expect(valueTextOf(key)).toBe(
      '{"a":{"$hf":["object",{"$hf":["number","-0"]}]},' +
        '"b":[{"$hf":["bigint","1"]},{"$hf":["date",0]},{"$hf":["bytes","3q0="]}]}',
    );
    expect(key.hash).toBe(hashOf({ name: 'locate', version: '1' }, valueTextOf(key) ?? ''));
    expect(hashFor(1)).toBe('903562506d32e49109258d79bfa9adb5c7cd6e7924f4366e7c9829868697f376');
  });

  test('is of what memoize.key chooses', () => {
    const chosen = taskOf({ key: (input) => `sum:${(input as { x: number }).x}` });
    expect(keyOf(chosen, { x: 1, noise: Math.random }, false).hash).toBe(hashFor('sum:1'));
  });

  test('is the same for values of another realm', () => {
    const value: unknown = runInNewContext('({ at: new Date(7), bytes: new Uint8Array([1]), list: [{}] })');
    expect(hashFor(value)).toBe(hashFor({ at: new Date(7), bytes: new Uint8Array([1]), list: [{}] }));
  });

  test('is of the bytes alone, wherever they are', () => {
    const bytes = new Uint8Array([1, 2, 3]);
    const shared = new Uint8Array(new SharedArrayBuffer(3));
    shared.set(bytes);
    const within = new Uint8Array([9, 1, 2, 3, 9]).subarray(1, 4);
    expect(new Set([bytes, shared, within, Buffer.from(bytes)].map(hashFor)).size).toBe(1);
  });

  test('takes the same object twice, side by side', () => {
    const shared = { a: 1 };
    expect(hashFor([shared, shared])).toBe(hashFor([{ a: 1 }, { a: 1 }]));
  });

  test('is of the input as it was, whatever becomes of it', () => {
    const input = { x: 1 };
    const key = keyOf(task, input, false);
    input.x = 2;
    expect(JSON.parse(key.parts())).toEqual({ x: '1' });
  });
});

describe('what has no canonical form is refused with the path to it', () => {
  const cyclic: Record<string, unknown> = { a: [] };
  (cyclic['a'] as unknown[]).push(cyclic);
  const deep = JSON.parse(`${'['.repeat(20_000)}1${']'.repeat(20_000)}`) as unknown;

  test.each<[string, unknown, string, string]>([
    ['undefined', undefined, '$', 'undefined'],
    ['an undefined member', { a: [{ b: undefined }] }, '$.a[0].b', 'undefined'],
    ['NaN', [1, Number.NaN], '$[1]', 'NaN'],
    ['an infinity', { n: Number.NEGATIVE_INFINITY }, '$.n', '-Infinity'],
    ['a function', { f: () => 1 }, '$.f', 'function f'],
    ['a symbol', { s: Symbol('x') }, '$.s', 'a symbol'],
    ['an invalid date', { d: new Date(Number.NaN) }, '$.d', 'an invalid date'],
    ['a Map', { m: new Map() }, '$.m', 'an instance of Map'],
    ['a Set', new Set(), '$', 'an instance of Set'],
    ['an error', { e: new TypeError('x') }, '$.e', 'an instance of TypeError'],
    ['an instance of a class that is a date', new (class Zoned extends Date {})(0), '$', 'an instance of Zoned'],
    ['a date with a property', Object.assign(new Date(0), { zone: 'CET' }), '$', 'an instance of Date'],
    ['an instance of a class that is an array', new (class Rows extends Array {})(), '$', 'an instance of Rows'],
    ['an instance of a class that is bytes', new (class Digest extends Uint8Array {})(), '$', 'an instance of Digest'],
    [
      'a date by name alone',
      { [Symbol.toStringTag]: 'Date', getTime: () => 5 },
      '$',
      'an object with symbols for names',
    ],
    ['bytes by name alone', { [Symbol.toStringTag]: 'Uint8Array', length: 0 }, '$', 'an object with symbols for names'],
    ['an instance of a class', [new (class Order {})()], '$[0]', 'an instance of Order'],
    ['another typed array', { t: new Float32Array(1) }, '$.t', 'an instance of Float32Array'],
    ['a boxed number', Object(1), '$', 'an instance of Number'],
    // biome-ignore lint/suspicious/noSparseArray: it is what is refused
    ['a hole', [1, , 2], '$[1]', 'a hole in an array'],
    ['an array with a property', Object.assign([1], { x: 1 }), '$', 'an array with other properties'],
    ['a symbol for a name', { [Symbol('x')]: 1 }, '$', 'an object with symbols for names'],
    ['a value within itself', cyclic, '$.a[0]', 'a value within itself'],
    ['half a character', { s: 'a\ud800' }, '$.s', 'a string with half a character (a lone surrogate)'],
    ['half a character in a name', { a: { '\udc00': 1 } }, '$.a', 'a name with half a character (a lone surrogate)'],
  ])('%s', (_, value, path, shown) => {
    const error = errorOf(value);
    expect(error?.fields).toMatchObject({ task: 'locate', path, value: shown });
  });

  test('what is nested too deep to walk', () => {
    expect(errorOf(deep)?.fields).toMatchObject({ value: 'nested more than 500 levels deep' });
  });

  test('a promise that memoize.key gives; that it rejects ends no process', async () => {
    const unseen: unknown[] = [];
    const note = (error: unknown) => unseen.push(error);
    process.on('unhandledRejection', note);
    const keyed = taskOf({ key: async () => Promise.reject(new Error('of the key')) });
    expect(errorOf(1, keyed)?.fields).toMatchObject({ path: '$', value: 'an instance of Promise' });
    const of = async () => Promise.reject(new Error('of the end'));
    const made = { result: 1, input: 1, at: 0, task: 'locate' };
    const expires = { kind: 'function', of: of as unknown as () => Date } as const;
    expect(() => expiresAt(expires, made)).toThrow('memoize.expires of task locate');
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.off('unhandledRejection', note);
    expect(unseen).toEqual([]);
  });

  test('what memoize.key gives, not the input', () => {
    const keyed = taskOf({ key: () => ({ at: undefined }) });
    expect(errorOf({ fine: 1 }, keyed)?.fields).toMatchObject({ path: '$.at' });
  });
});

function errorOf(value: unknown, of: MemoTask = task) {
  try {
    keyOf(of, value, false);
  } catch (error) {
    if (isHoldfastError(error, 'HF_MEMO_KEY')) return error;
    throw error;
  }
  return null;
}

describe('the parts of a key', () => {
  test('are the members of an object, as canonical text', () => {
    expect(partsFor({ town: 'Ulm', at: new Date(5), deep: { b: 1, a: 2 } })).toEqual({
      at: '{"$hf":["date",5]}',
      deep: '{"a":2,"b":1}',
      town: '"Ulm"',
    });
  });

  test('are the items of an array, by index', () => {
    expect(partsFor([1, 'x'])).toEqual({ '[0]': '1', '[1]': '"x"' });
  });

  test.each([1, 'sum:1:2', null, new Date(5), 5n])('of %p are the value as a whole', (value) => {
    expect(Object.keys(partsFor(value) as object)).toEqual(['$']);
  });

  test('of an object that looks like an encoded value are its members', () => {
    expect(partsFor({ $hf: ['date', 5] })).toEqual({ $hf: '["date",5]' });
  });

  test('that are long are cut, and told apart by what was cut off', () => {
    const [a, b] = ['a', 'b'].map((end) => partsFor({ text: 'x'.repeat(200) + end }) as { text: string });
    expect(a?.text).toMatch(/^"x{59}…#[0-9a-f]{8}$/);
    expect(a?.text).not.toBe(b?.text);
  });

  test('with long names are cut alike', () => {
    const names = ['a', 'b'].map((end) => Object.keys(partsFor({ ['x'.repeat(10_000) + end]: 1 }) as object)[0]);
    expect(names[0]).toMatch(/^x{60}…#[0-9a-f]{8}$/);
    expect(names[0]).not.toBe(names[1]);
  });

  test('are bounded in number', () => {
    const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`m${n}`, n]));
    expect(Object.keys(partsFor(many) as object)).toHaveLength(65);
  });

  test('are hashes alone where results are sealed', () => {
    expect(partsFor({ name: 'secret' }, true)).toEqual({ name: expect.stringMatching(/^#[0-9a-f]{8}$/) });
  });
});
