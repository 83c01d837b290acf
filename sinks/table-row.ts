import type { SqlValue } from '../database/database.ts';
import { HoldfastError } from '../definitions/errors.ts';
import { toSqlValue, ValueProblem } from './sql-value.ts';

/** The columns of a row, shared by all rows that have the same in the same order. */
export interface RowShape {
  readonly columns: readonly string[];
  /** Where the sink key's columns are in it. */
  readonly keyIndexes: readonly number[];
}

/** A row of the user's, ready to be written. */
export interface TableRow {
  readonly shape: RowShape;
  readonly values: SqlValue[];
  readonly itemKey: string;
}

/** Turns what the user's `row` returned into rows of values. Runs once an item, so it allocates no more than the values. */
export class RowReader {
  readonly #table: string;
  readonly #key: readonly string[];
  readonly #shapes = new Map<string, RowShape>();
  #last: RowShape | null = null;

  constructor(table: string, key: readonly string[]) {
    this.#table = table;
    this.#key = key;
  }

  /** Throws HF_ROW_UNDEFINED, HF_ROW_VALUE, HF_ROW_COLUMNS, HF_ROW_KEY. */
  read(row: Readonly<Record<string, unknown>>, itemKey: string): TableRow {
    if (typeof row !== 'object' || row === null || Array.isArray(row))
      throw this.#refuse(itemKey, 'row returned no object');
    const names = Object.keys(row);
    const last = this.#last;
    const shape = last !== null && isSame(last.columns, names) ? last : this.#shapeOf(names, itemKey);
    const values = new Array<SqlValue>(names.length);
    for (let i = 0; i < names.length; i++) {
      const value = row[names[i] as string];
      values[i] = typeof value === 'string' ? value : this.#convert(value, names[i] as string, itemKey);
    }
    for (const i of shape.keyIndexes) {
      if (values[i] === null) throw this.#refuseKey(itemKey, 'null', names[i] as string);
    }
    return { shape, values, itemKey };
  }

  #shapeOf(names: readonly string[], itemKey: string): RowShape {
    if (names.length === 0) throw this.#refuse(itemKey, 'row returned an object without columns (was it a promise?)');
    const id = names.join('\0');
    let shape = this.#shapes.get(id);
    if (shape === undefined) {
      const keyIndexes = this.#key.map((column) => names.indexOf(column));
      const missing = keyIndexes.indexOf(-1);
      if (missing >= 0) throw this.#refuseKey(itemKey, 'no value', String(this.#key[missing]));
      shape = { columns: names, keyIndexes };
      this.#shapes.set(id, shape);
    }
    this.#last = shape;
    return shape;
  }

  #convert(value: unknown, column: string, key: string): SqlValue {
    const converted = toSqlValue(value);
    if (!(converted instanceof ValueProblem)) return converted;
    if (value === undefined) throw new HoldfastError('HF_ROW_UNDEFINED', { key, column });
    throw new HoldfastError('HF_ROW_VALUE', { key, column, value: converted.value, problem: converted.problem });
  }

  #refuse(key: string, problem: string): HoldfastError {
    return new HoldfastError('HF_ROW_COLUMNS', { key, table: this.#table, problem });
  }

  #refuseKey(key: string, value: string, column: string): HoldfastError {
    return new HoldfastError('HF_ROW_KEY', { key, value, column, table: this.#table });
  }
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
