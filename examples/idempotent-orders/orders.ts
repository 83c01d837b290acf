// Orders as a queue delivers them: at least once each, a repeat under a delivery number of its own. Each becomes one row.
import { defineJob, jsonl, sqlTable } from 'holdfast';

interface Delivery {
  readonly delivery: string;
  readonly idempotencyKey: string;
  readonly product: string;
  readonly count: number;
  readonly cents: number;
}

export default defineJob({
  name: 'idempotent-orders',
  source: jsonl<Delivery>('orders.jsonl'),
  key: (order) => order.idempotencyKey, // not the delivery's number: what the sender calls one order is one item
  onDuplicateKey: 'first', // a repeat is left out; without this line it would be quarantined
  run: (order) => order.count * order.cents,
}).to(
  sqlTable({
    url: 'sqlite:orders.db',
    table: 'orders',
    key: 'idempotency_key',
    row: ({ idempotencyKey, delivery, product, count }, total) => ({
      idempotency_key: idempotencyKey,
      delivery,
      product,
      count,
      total_cents: total,
    }),
  }),
);
