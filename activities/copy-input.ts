import { types } from 'node:util';

/** Nesting behind which parts are shared. */
const DEPTH_MAX = 500;

/**
 * What a memoized function is given: a copy, so that neither who calls it can change what its key was made of, nor can it change
 * what others hold. Plain objects, arrays, dates and bytes are copied; instances of classes and functions are shared.
 */
export function copyInput(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  try {
    return copy(value, new Map(), 0);
  } catch {
    // A getter threw: the key's function may do without it.
    return value;
  }
}

function copy(value: unknown, copies: Map<object, unknown>, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth > DEPTH_MAX) return value;
  const known = copies.get(value);
  if (known !== undefined) return known;
  if (types.isDate(value)) return isOf(value, 'getTime') ? new Date(value.getTime()) : value;
  if (types.isUint8Array(value)) return copyBytes(value);
  if (Array.isArray(value)) return copyArray(value, copies, depth);
  if (!isPlain(value) || Object.getOwnPropertySymbols(value).length > 0) return value;
  const made = Object.create(Object.getPrototypeOf(value)) as Record<string, unknown>;
  copies.set(value, made);
  for (const name of Object.keys(value)) {
    const own = copy((value as Record<string, unknown>)[name], copies, depth + 1);
    if (name !== '__proto__') made[name] = own;
    else Object.defineProperty(made, name, { value: own, enumerable: true, writable: true, configurable: true });
  }
  return made;
}

function copyArray(array: readonly unknown[], copies: Map<object, unknown>, depth: number): unknown {
  // A match of a regular expression has more than its items.
  if (!isOf(array, 'concat') || Object.keys(array).length > array.length) return array;
  const made = new Array<unknown>(array.length);
  copies.set(array, made);
  // Skips holes.
  array.forEach((item, n) => {
    made[n] = copy(item, copies, depth + 1);
  });
  return made;
}

function copyBytes(bytes: Uint8Array): Uint8Array {
  if (Buffer.isBuffer(bytes)) return Buffer.from(bytes);
  return isOf(bytes, 'BYTES_PER_ELEMENT') ? new Uint8Array(bytes) : bytes;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || isOf(value, 'isPrototypeOf');
}

/** Whether a value's prototype is a built-in one, of whatever realm: those have their methods of their own. */
function isOf(value: object, method: string): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return typeof prototype === 'object' && prototype !== null && Object.hasOwn(prototype, method);
}
