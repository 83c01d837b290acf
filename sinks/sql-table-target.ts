import type { Transaction } from '../database/database.ts';
import { HoldfastError } from '../definitions/errors.ts';
import { quoteIdentifier, quoteIdentifiers, sameName } from './identifier.ts';
import type { RowShape, TableRow } from './table-row.ts';

/** What is written to: the table as the user named it. */
export interface TableName {
  readonly table: string;
  readonly key: readonly string[];
  readonly mode: 'upsert' | 'insert';
  /** The database's URL, for messages. */
  readonly database: string;
}

interface Column {
  readonly name: string;
  readonly type: string;
  readonly isGenerated: boolean;
  /** Whether a row must bring a value for it. */
  readonly isNeeded: boolean;
}

/** The table as it is in the database. */
export interface TableTarget {
  readonly columns: readonly Column[];
}

/** How rows of a shape are written. */
export interface RowStatement {
  readonly sql: string;
  /** Columns that keep a number's form: there 5 must be bound as an integer, for a double would become '5.0'. */
  readonly verbatim: readonly number[];
}

interface ColumnInfo {
  readonly name: string;
  readonly type: string;
  readonly notnull: number;
  readonly dflt_value: string | null;
  readonly pk: number;
  readonly hidden: number;
}

/** Looks a table up; null where there is none. Throws HF_SINK_TARGET, HF_SINK_COLUMNS, HF_SINK_KEY_NOT_UNIQUE. */
export async function findTarget(tx: Transaction, name: TableName): Promise<TableTarget | null> {
  const [found] = await tx.all<{ type: string }>(
    "SELECT type FROM pragma_table_list WHERE schema = 'main' AND name = ? COLLATE NOCASE",
    [name.table],
  );
  if (found === undefined) return null;
  if (found.type !== 'table') {
    const reason = `it is a ${found.type === 'view' ? 'view' : `${found.type} table`}, name an ordinary table`;
    throw new HoldfastError('HF_SINK_TARGET', { table: name.table, database: name.database, reason });
  }
  const infos = await tx.all<ColumnInfo>(
    'SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?)',
    [name.table],
  );
  const target: TableTarget = { columns: infos.map(readColumn) };
  if (name.mode === 'insert') return target;
  for (const column of name.key) columnOf(target, column, name);
  const primaryKey = infos.filter((column) => column.pk > 0).map((column) => column.name);
  if (isSameSet(primaryKey, name.key) || (await hasUniqueIndex(tx, name))) return target;
  throw new HoldfastError('HF_SINK_KEY_NOT_UNIQUE', { table: name.table, database: name.database, key: name.key });
}

/** Creates the table for rows like these, its columns typed by their values. */
export async function createTarget(tx: Transaction, name: TableName, rows: readonly TableRow[]): Promise<void> {
  const types = new Map<string, string>();
  for (const { shape, values } of rows) {
    shape.columns.forEach((column, i) => {
      const known = [...types.keys()].find((other) => sameName(other, column)) ?? column;
      types.set(known, mergeTypes(types.get(known), typeOf(values[i])));
    });
  }
  const columns = [...types].map(([column, type]) => {
    const notNull = name.key.some((key) => sameName(key, column)) ? ' NOT NULL' : '';
    return `${quoteIdentifier(column)} ${type === 'NULL' ? '' : type}${notNull}`;
  });
  if (name.key.length > 0) columns.push(`PRIMARY KEY (${quoteIdentifiers(name.key)})`);
  await tx.run(`CREATE TABLE ${quoteIdentifier(name.table)} (${columns.join(', ')})`);
}

/** Throws HF_SINK_COLUMNS, HF_SINK_COLUMN_NEEDED, HF_SINK_TARGET where rows of this shape do not fit the table. */
export function makeStatement(target: TableTarget, name: TableName, shape: RowShape): RowStatement {
  const { table, database } = name;
  const columns = shape.columns.map((column) => columnOf(target, column, name));
  const generated = columns.find((column) => column.isGenerated);
  if (generated !== undefined) {
    throw new HoldfastError('HF_SINK_TARGET', {
      table,
      database,
      reason: `column ${generated.name} is generated, leave it out of row`,
    });
  }
  const needed = target.columns.find((column) => column.isNeeded && !columns.includes(column));
  if (needed !== undefined) throw new HoldfastError('HF_SINK_COLUMN_NEEDED', { table, database, column: needed.name });
  return {
    sql: name.mode === 'insert' ? insertSql(name, shape) : upsertSql(name, shape),
    verbatim: columns.flatMap((column, i) => (keepsForm(column.type) ? [i] : [])),
  };
}

function insertSql({ table }: TableName, { columns }: RowShape): string {
  return `INSERT INTO ${quoteIdentifier(table)} (${quoteIdentifiers(columns)}) VALUES (${columns.map(() => '?').join(', ')})`;
}

function upsertSql(name: TableName, shape: RowShape): string {
  const others = shape.columns.filter((column) => !name.key.includes(column)).map(quoteIdentifier);
  const action =
    others.length === 0
      ? 'NOTHING'
      : `UPDATE SET ${others.map((column) => `${column} = excluded.${column}`).join(', ')}`;
  return `${insertSql(name, shape)} ON CONFLICT (${quoteIdentifiers(name.key)}) DO ${action}`;
}

function columnOf(target: TableTarget, missing: string, { table, database }: TableName): Column {
  const column = target.columns.find(({ name }) => sameName(name, missing));
  if (column !== undefined) return column;
  throw new HoldfastError('HF_SINK_COLUMNS', {
    table,
    database,
    missing,
    found: target.columns.map(({ name }) => name),
  });
}

function readColumn(info: ColumnInfo): Column {
  const isGenerated = info.hidden > 1;
  // An INTEGER PRIMARY KEY numbers itself.
  const numbersItself = info.pk > 0 && info.type.toUpperCase() === 'INTEGER';
  const isNeeded = info.notnull === 1 && info.dflt_value === null && !isGenerated && !numbersItself;
  return { name: info.name, type: info.type, isGenerated, isNeeded };
}

/** ON CONFLICT takes an index of exactly these columns, in any order, over the whole table. */
async function hasUniqueIndex(tx: Transaction, { table, key }: TableName): Promise<boolean> {
  const rows = await tx.all<{ index_name: string; column_name: string | null }>(
    `SELECT list.name AS index_name, info.name AS column_name
     FROM pragma_index_list(?) AS list, pragma_index_xinfo(list.name) AS info
     WHERE list."unique" = 1 AND list.partial = 0 AND info.key = 1`,
    [table],
  );
  const indexes = new Map<string, string[]>();
  for (const { index_name: index, column_name: column } of rows) {
    // A column without a name is an expression.
    indexes.set(index, [...(indexes.get(index) ?? []), column ?? '\0']);
  }
  return [...indexes.values()].some((columns) => isSameSet(columns, key));
}

function isSameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name) => b.some((other) => sameName(name, other)));
}

/** Of the rules in https://sqlite.org/datatype3.html#determination_of_column_affinity those for TEXT and BLOB. */
function keepsForm(type: string): boolean {
  if (/INT/i.test(type)) return false;
  return type === '' || /CHAR|CLOB|TEXT|BLOB/i.test(type) || type.toUpperCase() === 'ANY';
}

type Affinity = 'INTEGER' | 'REAL' | 'TEXT' | 'BLOB' | '';

function typeOf(value: unknown): Affinity | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') return 'TEXT';
  if (typeof value === 'bigint' || Number.isInteger(value)) return 'INTEGER';
  return typeof value === 'number' ? 'REAL' : 'BLOB';
}

/** Integers and fractions make REAL; text beside numbers makes a column without a type, which changes neither. */
function mergeTypes(known: string | undefined, found: Affinity | null): string {
  if (known === undefined || known === 'NULL') return found ?? 'NULL';
  if (found === null || found === known) return known;
  return known !== 'TEXT' && known !== 'BLOB' && known !== '' && found !== 'TEXT' && found !== 'BLOB' ? 'REAL' : '';
}
