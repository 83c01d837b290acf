// A million JSON Lines orders of about 200 bytes, a cheap function, a SQLite table: a bare loop and Holdfast with default
// options, one after the other, in processes of their own. Prints the ratio of their rates.
// What it does not measure: an effect that takes time, several processes, a slow disk (fsync is fast on most virtual machines).
//
//   node bench/orders.ts [--items 1000000] [--keys sequential|random] [--json]
import { randomBytes, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';
import { type Measurement, median, runPart } from './measure.ts';

interface Order {
  readonly id: string;
  readonly customer: string;
  readonly cents: number;
  readonly quantity: number;
  readonly note: string;
}

const { values } = parseArgs({
  options: {
    items: { type: 'string', default: '1000000' },
    keys: { type: 'string', default: 'sequential' },
    rounds: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    part: { type: 'string' },
    directory: { type: 'string' },
  },
});
const items = Number(values.items);

/** What both do with an order. */
export function price(order: Order): { readonly id: string; readonly customer: string; readonly total: number } {
  return { id: order.id, customer: order.customer, total: (order.cents * order.quantity) / 100 };
}

async function writeOrders(file: string): Promise<void> {
  const out = createWriteStream(file);
  const note = randomBytes(40).toString('hex');
  for (let i = 0; i < items; i++) {
    const id = values.keys === 'random' ? randomUUID() : `order-${String(i).padStart(9, '0')}`;
    const order: Order = {
      id,
      customer: `customer-${i % 9973}`,
      cents: (i * 37) % 100_000,
      quantity: 1 + (i % 7),
      note,
    };
    if (!out.write(`${JSON.stringify(order)}\n`))
      await new Promise((resolve) => out.once('drain', () => resolve(undefined)));
  }
  await new Promise((resolve) => out.end(resolve));
}

async function bareLoop(directory: string): Promise<Measurement> {
  const started = performance.now();
  const db = new DatabaseSync(join(directory, 'bare.db'));
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
  db.exec('CREATE TABLE orders (id TEXT PRIMARY KEY, customer TEXT, total REAL)');
  const upsert = db.prepare(
    'INSERT INTO orders VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET customer = excluded.customer, total = excluded.total',
  );
  let open = 0;
  for await (const line of createInterface({
    input: createReadStream(join(directory, 'orders.jsonl')),
    crlfDelay: Infinity,
  })) {
    const row = price(JSON.parse(line) as Order);
    if (open === 0) db.exec('BEGIN');
    upsert.run(row.id, row.customer, row.total);
    if (++open === 500) {
      db.exec('COMMIT');
      open = 0;
    }
  }
  if (open > 0) db.exec('COMMIT');
  const rows = Number(db.prepare('SELECT count(*) AS n FROM orders').get()?.n);
  return { seconds: (performance.now() - started) / 1000, rows, rssMb: process.resourceUsage().maxRSS / 1024 };
}

async function holdfast(directory: string): Promise<Measurement> {
  process.chdir(directory);
  const { defineJob, jsonl, sqlTable } = await import('holdfast');
  const { runJob } = await import('./run-job.ts');
  const job = defineJob({
    name: 'orders',
    source: jsonl<Order>('orders.jsonl'),
    key: (order) => order.id,
    run: (order) => price(order),
  }).to(sqlTable({ url: 'sqlite:holdfast.db', table: 'orders', key: 'id', row: (_, priced) => priced }));
  const seconds = await runJob(job, join(directory, 'home'));
  const db = new DatabaseSync(join(directory, 'holdfast.db'), { readOnly: true });
  const rows = Number(db.prepare('SELECT count(*) AS n FROM orders').get()?.n);
  return { seconds, rows, rssMb: process.resourceUsage().maxRSS / 1024 };
}

if (values.part) {
  const part = values.part === 'bare' ? bareLoop : holdfast;
  process.stdout.write(JSON.stringify(await part(values.directory as string)));
  process.exit(0);
}

const ratios: number[] = [];
for (let round = 0; round < Number(values.rounds); round++) {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
  try {
    await writeOrders(join(directory, 'orders.jsonl'));
    const args = ['--items', values.items, '--keys', values.keys, '--directory', directory];
    const bare = runPart(import.meta.url, [...args, '--part', 'bare']);
    const ours = runPart(import.meta.url, [...args, '--part', 'holdfast']);
    if (bare.rows !== items || ours.rows !== items)
      throw new Error(`rows: bare ${bare.rows}, holdfast ${ours.rows}, of ${items}`);
    const ratio = bare.seconds / ours.seconds;
    ratios.push(ratio);
    console.log(JSON.stringify({ keys: values.keys, items, bare, holdfast: ours, ratio: Number(ratio.toFixed(3)) }));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
if (!values.json) console.log(`orders, ${values.keys} keys: ${median(ratios).toFixed(2)} of the bare loop's rate`);
