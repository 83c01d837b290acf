import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readRows, rehearse } from './rehearsal.ts';

test('an order of examples/idempotent-orders is one row, delivered twice, run twice and run anew', async () => {
  await rehearse('idempotent-orders', ({ directory }) => {
    const rows = readRows(join(directory, 'orders.db'), 'SELECT idempotency_key FROM orders ORDER BY 1');
    expect(rows.map((row) => row['idempotency_key'])).toEqual(['order-1001', 'order-1002', 'order-1003', 'order-1004']);
  });
}, 180_000);
