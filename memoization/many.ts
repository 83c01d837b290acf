import type { SqlRow, SqlValue, Transaction } from '../database/database.ts';

/** Lists are filled up to one of these lengths, so that there are few statements to prepare. */
const LENGTHS = [1, 4, 16, 64, 256, 512] as const;
const LONGEST = 512;

export interface SelectMany {
  /** `IN (?)` stands where the list goes, in parentheses of its own: `key IN (?)`. */
  readonly sql: string;
  readonly list: readonly SqlValue[];
}

/** All rows for a list of values, some hundreds of them a statement. */
export async function selectMany<Row extends object = SqlRow>(
  tx: Transaction,
  { sql, list }: SelectMany,
): Promise<Row[]> {
  if (list.length <= LONGEST) return list.length === 0 ? [] : tx.all<Row>(...filled(sql, list));
  const rows: Row[] = [];
  for (let from = 0; from < list.length; from += LONGEST) {
    for (const row of await tx.all<Row>(...filled(sql, list.slice(from, from + LONGEST)))) rows.push(row);
  }
  return rows;
}

/** Runs a statement that changes rows for a list of values; resolves to the number of rows changed. */
export async function changeMany(tx: Transaction, { sql, list }: SelectMany): Promise<number> {
  let changed = 0;
  for (let from = 0; from < list.length; from += LONGEST) {
    changed += await tx.run(...filled(sql, list.slice(from, from + LONGEST)));
  }
  return changed;
}

function filled(sql: string, list: readonly SqlValue[]): [sql: string, params: readonly SqlValue[]] {
  const length = LENGTHS.find((each) => each >= list.length) ?? LONGEST;
  const last = list[list.length - 1] as SqlValue;
  const params = [...list, ...Array<SqlValue>(length - list.length).fill(last)];
  return [sql.replace('IN (?)', `IN (${Array(length).fill('?').join(',')})`), params];
}
