import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import { copyInput } from '../../../activities/copy-input.ts';

describe('what a memoized function is given', () => {
  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['a text', 'x'],
    ['plain values', { a: [1, { b: null }], c: new Date(5), d: 5n, e: undefined }],
    ['bytes', new Uint8Array([1, 2])],
    ['a buffer', Buffer.from('abc')],
    ['an object without a prototype', Object.assign(Object.create(null), { a: 1 })],
    ['a name that is special elsewhere', JSON.parse('{"__proto__":{"a":1},"constructor":2}')],
    // biome-ignore lint/suspicious/noSparseArray: it stays one
    ['an array with a hole', [1, , 2]],
    ['values of another realm', runInNewContext('({ at: new Date(7), list: [{}], bytes: new Uint8Array([1]) })')],
  ])('equals what it was called with: %s', (_, value) => {
    const copy = copyInput(value);
    expect(copy).toEqual(value);
    if (typeof value !== 'object' || value === null) return;
    expect(copy).not.toBe(value);
    expect(Reflect.ownKeys(copy as object)).toEqual(Reflect.ownKeys(value));
  });

  test('shares instances of classes and functions', () => {
    const shared = { map: new Map(), fn: () => 1, zoned: new (class Zoned extends Date {})(0) };
    const copy = copyInput(shared) as typeof shared;
    expect(copy.map).toBe(shared.map);
    expect(copy.fn).toBe(shared.fn);
    expect(copy.zoned).toBe(shared.zoned);
  });

  test('may hold itself, and a part twice', () => {
    const part = { n: 1 };
    const ring: { self?: unknown; parts: unknown[] } = { parts: [part, part] };
    ring.self = ring;
    const copy = copyInput(ring) as typeof ring;
    expect(copy.self).toBe(copy);
    expect(copy.parts[0]).toBe(copy.parts[1]);
    expect(copy.parts[0]).not.toBe(part);
  });

  test('is the thing itself where it cannot be read', () => {
    const secret = {
      get broken() {
        throw new Error('not to be read');
      },
    };
    expect(copyInput(secret)).toBe(secret);
  });
});
