import { types } from 'node:util';
import type { SqlValue } from '../database/database.ts';
import { HoldfastError } from '../definitions/errors.ts';
import type { TableRow } from './table-row.ts';

/**
 * The rows sorted by key, so that a commit walks a table's index in one direction: into a table of a million random keys
 * 60,000 rows a second, in the order they came 39,000. Rows in order already (most sources are) are handed back as they are.
 *
 * Throws HF_ROW_KEY_TWICE for two rows on one key, naming both items; `blame` is told the later of the two.
 */
export function orderRows(
  rows: readonly TableRow[],
  table: string,
  blame: (row: TableRow, error: HoldfastError) => void,
): readonly TableRow[] {
  const compare = isMixed(rows) ? compareTexts : compareValues;
  if (isAscending(rows, compare)) return rows;
  // Sorting is stable: of two rows on one key the later stays the later.
  const sorted = [...rows].sort((a, b) => compareKeys(a, b, compare));
  for (let i = 1; i < sorted.length; i++) {
    const first = sorted[i - 1] as TableRow;
    const second = sorted[i] as TableRow;
    if (compareKeys(first, second, compare) !== 0) continue;
    const row = `(${keyOf(second).map(asText).join(', ')})`;
    const error = new HoldfastError('HF_ROW_KEY_TWICE', { first: first.itemKey, second: second.itemKey, row, table });
    blame(second, error);
    throw error;
  }
  return sorted;
}

type Compare = (a: SqlValue, b: SqlValue) => number;

/** Strictly, so that it also says that no key comes twice. */
function isAscending(rows: readonly TableRow[], compare: Compare): boolean {
  for (let i = 1; i < rows.length; i++) {
    if (compareKeys(rows[i - 1] as TableRow, rows[i] as TableRow, compare) >= 0) return false;
  }
  return true;
}

function compareKeys(a: TableRow, b: TableRow, compare: Compare): number {
  const { keyIndexes } = a.shape;
  for (let i = 0; i < keyIndexes.length; i++) {
    const left = a.values[keyIndexes[i] as number] as SqlValue;
    const right = b.values[b.shape.keyIndexes[i] as number] as SqlValue;
    const order = compare(left, right);
    if (order !== 0) return order;
  }
  return 0;
}

/** Whether some keys are text and some are numbers: a column's type makes 5 and '5' one key. */
function isMixed(rows: readonly TableRow[]): boolean {
  const first = rows[0];
  if (first === undefined) return false;
  const kinds = keyOf(first).map((value) => typeof value);
  for (const { shape, values } of rows) {
    for (let i = 0; i < kinds.length; i++) {
      if (typeof values[shape.keyIndexes[i] as number] !== kinds[i]) return true;
    }
  }
  return false;
}

/** Of one type. Any total order does, as long as what the database takes for one key is equal in it. */
function compareValues(a: SqlValue, b: SqlValue): number {
  if (a === b) return 0;
  // Strings and numbers first: asking for the type of an object costs more than all else here.
  if (typeof a === 'object' && types.isUint8Array(a) && types.isUint8Array(b)) return Buffer.compare(a, b);
  return (a as string) < (b as string) ? -1 : 1;
}

function compareTexts(a: SqlValue, b: SqlValue): number {
  return compareValues(asText(a), asText(b));
}

function asText(value: SqlValue): string {
  return types.isUint8Array(value) ? `x'${Buffer.from(value).toString('hex')}'` : String(value);
}

function keyOf(row: TableRow): SqlValue[] {
  return row.shape.keyIndexes.map((i) => row.values[i] as SqlValue);
}
