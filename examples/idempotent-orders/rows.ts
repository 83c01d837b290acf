import { DatabaseSync } from 'node:sqlite';

const database = new DatabaseSync('orders.db', { readOnly: true });
for (const row of database.prepare('SELECT * FROM orders ORDER BY idempotency_key').iterate()) {
  console.log(Object.values(row).join(' '));
}
database.close();
