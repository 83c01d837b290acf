import { types } from 'node:util';
import type { SqlValue } from '../database/database.ts';
import { showValue } from '../definitions/errors.ts';

/** Why a value of the user's cannot be stored, and what to give instead. */
export class ValueProblem {
  readonly value: string;
  readonly problem: string;

  constructor(value: unknown, problem: string) {
    this.value = showValue(value);
    this.problem = problem;
  }
}

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const ADVICE = 'give a string, number, bigint, boolean, Date, bytes (Uint8Array) or null';

/**
 * What a value of the user's is in the database: a Date its ISO text, true 1, false 0. The drivers' own conversions are
 * not used, for they lose: NaN becomes NULL, and a Date as the first parameter shifts the others.
 */
export function toSqlValue(value: unknown): SqlValue | ValueProblem {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : new ValueProblem(value, 'give a finite number, or null');
    case 'boolean':
      return value ? 1 : 0;
    case 'bigint':
      if (value >= INT64_MIN && value <= INT64_MAX) return value;
      return new ValueProblem(value, 'a column holds 64 bits, give a string');
    case 'object':
      return objectValue(value);
    case 'undefined':
      return new ValueProblem(value, 'give a value, or null');
    default:
      return new ValueProblem(value, ADVICE);
  }
}

function objectValue(value: object | null): SqlValue | ValueProblem {
  if (value === null) return null;
  if (types.isDate(value)) {
    return Number.isNaN(value.getTime())
      ? new ValueProblem('an invalid date', 'give a valid one, or null')
      : value.toISOString();
  }
  if (types.isUint8Array(value)) return value;
  if (types.isPromise(value)) return new ValueProblem('a promise', 'await it before');
  return new ValueProblem(value, `${ADVICE}; JSON.stringify an object or an array`);
}
