// Reads the rows that are there.
import { DatabaseSync } from 'node:sqlite';

const database = new DatabaseSync('squares.db', { readOnly: true });
const rows = database.prepare('SELECT number, square FROM squares').all();
database.close();
const different = new Set(rows.map((row) => row['number'])).size;
const wrong = rows.filter((row) => row['square'] !== Number(row['number']) ** 2).length;
console.log(
  `${rows.length} rows: ${600 - different} numbers missing, ${rows.length - different} twice, ${wrong} wrong`,
);
