import { types } from 'node:util';
import { HoldfastError, showValue } from '../definitions/errors.ts';

/** Nesting behind which a value is refused, so that none can exhaust the stack. */
const DEPTH_MAX = 500;
const PATH_CHARS_MAX = 200;
const TAG = '$hf';

/**
 * A value as it takes part in a key: only what JSON has a form for, dates, bigints, bytes and -0 in the encoding of
 * `definitions/values.ts`. Stricter than that encoding, because two values that look the same must never share a key, nor one
 * value have two: `undefined` is refused (with and without the member would mean the same), as are invalid dates and lone
 * surrogates (which have no UTF-8).
 *
 * @throws HF_MEMO_KEY with the path to what is refused
 */
export function keyValue(task: string, value: unknown): unknown {
  return new Walk(task).take(value, '$');
}

class Walk {
  readonly #task: string;
  readonly #within = new Set<object>();

  constructor(task: string) {
    this.#task = task;
  }

  take(value: unknown, path: string): unknown {
    switch (typeof value) {
      case 'string':
        return this.#text(value, path, 'a string');
      case 'boolean':
        return value;
      case 'number':
        if (!Number.isFinite(value)) throw this.#refuse(path, String(value));
        return Object.is(value, -0) ? { [TAG]: ['number', '-0'] } : value;
      case 'bigint':
        return { [TAG]: ['bigint', String(value)] };
      case 'object':
        return value === null ? null : this.#object(value, path);
      default:
        throw this.#refuse(path, typeof value === 'symbol' ? 'a symbol' : showValue(value));
    }
  }

  #object(value: object, path: string): unknown {
    // By what the engine made it and not by prototype: values of another realm (a loader's or a test runner's) are as good.
    if (types.isDate(value)) return this.#date(value, path);
    if (types.isUint8Array(value)) return this.#bytes(value, path);
    if (this.#within.has(value)) throw this.#refuse(path, 'a value within itself');
    if (this.#within.size === DEPTH_MAX) throw this.#refuse(path, `nested more than ${DEPTH_MAX} levels deep`);
    this.#within.add(value);
    const taken = Array.isArray(value) ? this.#array(value, path) : this.#record(value, path);
    this.#within.delete(value);
    return taken;
  }

  /** Of no class of the user's: what that adds would not be in the key. */
  #date(date: Date, path: string): unknown {
    if (!isOf(date, 'getTime') || Reflect.ownKeys(date).length > 0) throw this.#refuse(path, nameOf(date));
    const ms = Date.prototype.getTime.call(date);
    if (Number.isNaN(ms)) throw this.#refuse(path, 'an invalid date');
    return { [TAG]: ['date', ms] };
  }

  #bytes(bytes: Uint8Array, path: string): unknown {
    if (!isOf(bytes, 'BYTES_PER_ELEMENT') && !Buffer.isBuffer(bytes)) throw this.#refuse(path, nameOf(bytes));
    return { [TAG]: ['bytes', Buffer.from(bytes).toString('base64')] };
  }

  #array(array: readonly unknown[], path: string): unknown {
    if (!isOf(array, 'concat')) throw this.#refuse(path, nameOf(array));
    const taken: unknown[] = [];
    for (let n = 0; n < array.length; n++) {
      if (!(n in array)) throw this.#refuse(`${path}[${n}]`, 'a hole in an array');
      taken.push(this.take(array[n], `${path}[${n}]`));
    }
    if (Object.keys(array).length !== array.length) throw this.#refuse(path, 'an array with other properties');
    return taken;
  }

  #record(record: object, path: string): unknown {
    if (!isPlain(record)) throw this.#refuse(path, nameOf(record));
    if (Object.getOwnPropertySymbols(record).length > 0) throw this.#refuse(path, 'an object with symbols for names');
    const taken: [string, unknown][] = [];
    for (const name of Object.keys(record)) {
      this.#text(name, path, 'a name');
      taken.push([name, this.take((record as Record<string, unknown>)[name], `${path}.${name}`)]);
    }
    const only = taken.length === 1 ? taken[0] : undefined;
    if (only !== undefined && only[0] === TAG) return { [TAG]: ['object', only[1]] };
    // Defines each member, so that `__proto__` is one like any other.
    return Object.fromEntries(taken);
  }

  #text(text: string, path: string, what: string): string {
    if (!text.isWellFormed()) throw this.#refuse(path, `${what} with half a character (a lone surrogate)`);
    return text;
  }

  #refuse(path: string, value: string): HoldfastError {
    const shown = path.length > PATH_CHARS_MAX ? `${path.slice(0, PATH_CHARS_MAX)}…` : path;
    return new HoldfastError('HF_MEMO_KEY', { task: this.#task, path: shown.toWellFormed(), value });
  }
}

/** Whether a value's prototype is a built-in one, of whatever realm: those have their methods of their own. */
function isOf(value: object, method: string): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return typeof prototype === 'object' && prototype !== null && Object.hasOwn(prototype, method);
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return true;
  // Of another realm: the root of every prototype chain is Object.prototype.
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf');
}

function nameOf(value: object): string {
  const maker = (value as { constructor?: unknown }).constructor;
  return typeof maker === 'function' ? `an instance of ${maker.name || 'a class'}` : showValue(value);
}
