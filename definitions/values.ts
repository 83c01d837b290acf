import { fromBase64, toBase64 } from './base64.ts';
import { HoldfastError, showValue } from './errors.ts';

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/**
 * `T` where values of it can be stored and come back as they went in; else `T` with what cannot replaced by `never`,
 * so that `T extends Storable<T>` tells.
 */
export type Storable<T> = T extends string | number | boolean | null | undefined | bigint | Date | Uint8Array
  ? T
  : T extends
        | ((...args: never) => unknown)
        | symbol
        | ReadonlyMap<unknown, unknown>
        | ReadonlySet<unknown>
        | PromiseLike<unknown>
    ? never
    : T extends object
      ? { readonly [K in keyof T]: Storable<T[K]> }
      : unknown extends T
        ? T
        : never;

/*
 * The encoding: JSON text. What JSON has no form for is an object with the single key `$hf` and a value that begins
 * with the kind:
 *
 *   undefined     {"$hf":["undefined"]}
 *   bigint        {"$hf":["bigint","-12"]}
 *   Date          {"$hf":["date",1700000000000]}    milliseconds since 1970; null for an invalid date
 *   Uint8Array    {"$hf":["bytes","3q2+7w=="]}      base64
 *   -0            {"$hf":["number","-0"]}
 *   {"$hf": x}    {"$hf":["object",x]}              a user's own object of that shape, x encoded
 *
 * An object with `$hf` beside other keys is left as it is. `__proto__` as a key of the user's own comes back as a
 * key. An object without a prototype comes back with the ordinary one, a Buffer as a Uint8Array.
 */
const tag = '$hf';

/**
 * The text of a value: JSON values, dates, bigints, bytes (`Uint8Array`), `undefined` and -0, nested in plain
 * objects and arrays. Plain JSON is its own encoding.
 *
 * @throws HF_RESULT_NOT_STORABLE for functions, symbols, NaN and the infinities, instances of other classes, arrays
 * with holes, values within themselves, with the path to the value
 */
export function encodeValue(value: unknown): string {
  // A walk that only looks and then the engine's own stringify is several times faster than building a copy.
  return isPlainJson(value, 0) ? JSON.stringify(value) : JSON.stringify(encode(value, '$', []));
}

/** The value that {@link encodeValue} made a text of. @throws SyntaxError when it is no such text */
export function decodeValue(text: string): unknown {
  const value: unknown = JSON.parse(text);
  // Searched without its quotes: a `$` is rare, so that the search skips ahead.
  return text.includes(tag) ? decode(value) : value;
}

/**
 * As {@link encodeValue}, but the JSON value that its text stands for; a plain one is itself. `undefined` alone stays as it is:
 * Temporal has a form for it.
 *
 * @throws HF_RESULT_NOT_STORABLE
 */
export function toJson(value: unknown): unknown {
  return value === undefined || isPlainJson(value, 0) ? value : encode(value, '$', []);
}

/** The value that {@link toJson} made a JSON value of, which is used up. @throws SyntaxError when it is no such value */
export function fromJson(json: unknown): unknown {
  return decode(json);
}

/** Nesting behind which the walk that only looks gives up, so that a value within itself ends it. */
const plainDepthMax = 100;

function isPlainJson(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0);
    case 'object':
      return value === null || (depth < plainDepthMax && isPlainContainer(value, depth));
    default:
      return false;
  }
}

function isPlainContainer(value: object, depth: number): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (Array.isArray(value)) {
    if (prototype !== Array.prototype) return false;
    // By index, so that a hole is seen as undefined; other properties (a RegExp match has some) show in the count.
    for (let n = 0; n < value.length; n++) if (!isPlainJson(value[n], depth + 1)) return false;
    return Object.keys(value).length === value.length;
  }
  if (prototype !== Object.prototype && prototype !== null) return false;
  const record = value as Record<string, unknown>;
  // One that is hidden, or inherited, would be called by stringify.
  if (record['toJSON'] !== undefined) return false;
  // `for in` is faster than Object.keys; a polluted prototype would only make the answer false.
  for (const key in record) {
    if (key === tag || !isPlainJson(record[key], depth + 1)) return false;
  }
  return Object.getOwnPropertySymbols(value).length === 0;
}

function encode(value: unknown, path: string, within: readonly object[]): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'undefined':
      return { [tag]: ['undefined'] };
    case 'bigint':
      return { [tag]: ['bigint', String(value)] };
    case 'number':
      if (!Number.isFinite(value)) throw notStorable(value, path);
      return Object.is(value, -0) ? { [tag]: ['number', '-0'] } : value;
    case 'object':
      return value === null ? null : encodeObject(value, path, within);
    default:
      throw notStorable(value, path);
  }
}

function encodeObject(value: object, path: string, within: readonly object[]): unknown {
  if (within.includes(value)) throw notStorable('a value within itself', path);
  const inner = [...within, value];
  if (Array.isArray(value)) {
    if (!isOf(value, 'concat')) throw notStorable(value, path);
    if (Object.keys(value).length !== value.length) throw notStorable('an array with holes or other properties', path);
    return value.map((item, n) => encode(item, `${path}[${n}]`, inner));
  }
  if (isDate(value)) {
    if (!isOf(value, 'getTime') || Reflect.ownKeys(value).length > 0) throw notStorable(value, path);
    return { [tag]: ['date', dateMs(value)] };
  }
  if (isBytes(value)) return { [tag]: ['bytes', toBase64(value)] };
  if (!isPlainObject(value)) throw notStorable(value, path);
  if (Object.getOwnPropertySymbols(value).length > 0) throw notStorable('an object with symbols for keys', path);
  const encoded: [string, unknown][] = [];
  for (const [key, item] of Object.entries(value)) encoded.push([key, encode(item, `${path}.${key}`, inner)]);
  const only = encoded.length === 1 ? encoded[0] : undefined;
  if (only !== undefined && only[0] === tag) return { [tag]: ['object', only[1]] };
  // The own key toJSON holds no function here (that was refused), so stringify does not call it.
  return Object.fromEntries(encoded);
}

/** By tag and not by prototype: values from another realm (a loader's or a test runner's) are as good. Anything may claim the tag. */
function isDate(value: object): value is Date {
  if (Object.prototype.toString.call(value) !== '[object Date]') return false;
  try {
    Date.prototype.getTime.call(value);
    return true;
  } catch {
    return false;
  }
}

const kindOfBytes = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)
  ?.get as (this: object) => string | undefined;

const isBytes = (value: object): value is Uint8Array => kindOfBytes.call(value) === 'Uint8Array';

/** Whether a value's prototype is a built-in one, of whatever realm: those have their methods of their own. */
function isOf(value: object, method: string): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return typeof prototype === 'object' && prototype !== null && Object.hasOwn(prototype, method);
}

function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  // Of this realm or another: the root of every prototype chain is Object.prototype.
  return (
    prototype === null ||
    (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf'))
  );
}

const dateMs = (date: Date): number | null => {
  const ms = date.getTime();
  return Number.isNaN(ms) ? null : ms;
};

function notStorable(value: unknown, path: string): HoldfastError {
  return new HoldfastError('HF_RESULT_NOT_STORABLE', {
    path,
    value: typeof value === 'string' ? value : nameOf(value),
  });
}

function nameOf(value: unknown): string {
  const maker =
    typeof value === 'object' && value !== null ? (value as { constructor?: unknown }).constructor : undefined;
  return typeof maker === 'function' ? `an instance of ${maker.name || 'a class'}` : showValue(value);
}

function decode(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    for (let n = 0; n < value.length; n++) value[n] = decode(value[n]);
    return value;
  }
  const record = value as Record<string, unknown>;
  const keys = Object.keys(record);
  if (keys.length === 1 && keys[0] === tag) return decodeTagged(record[tag]);
  for (const key of keys) {
    const inner = record[key];
    // Only what can change is written back; JSON.parse makes `__proto__` an own key, and assigning to it stays one.
    if (typeof inner === 'object' && inner !== null) Object.defineProperty(record, key, { value: decode(inner) });
  }
  return record;
}

function decodeTagged(tagged: unknown): unknown {
  const [kind, value] = Array.isArray(tagged) ? (tagged as unknown[]) : [];
  switch (kind) {
    case 'undefined':
      return undefined;
    case 'bigint':
      return BigInt(value as string);
    case 'date':
      return new Date((value as number | null) ?? Number.NaN);
    case 'bytes':
      return fromBase64(value as string);
    case 'number':
      return Number(value);
    case 'object':
      return { [tag]: decode(value) };
    default:
      throw new SyntaxError(`Not a stored value: ${showValue({ [tag]: tagged })}`);
  }
}
