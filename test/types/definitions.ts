// Compiled, never run: what flows without annotations, and what is a type error.
import {
  csv,
  defineJob,
  defineTask,
  failed,
  items,
  type Job,
  jsonl,
  RetryAfter,
  type Storable,
  sqlTable,
  sqlTransaction,
  type Task,
} from 'holdfast';
import { z } from 'zod';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function same<A, B>(equal: Equal<A, B>): void;

// The contract's example.
interface Place {
  readonly lat: number;
  readonly lon: number;
}
const locate = defineTask({
  name: 'locate',
  version: '1',
  async run(input: { street: string; town: string }, ctx) {
    const reply = await fetch(`http://x/${input.town}`, {
      signal: ctx.signal,
      headers: { 'Idempotency-Key': ctx.idempotencyKey },
    });
    if (reply.status === 429) throw new RetryAfter(reply.headers.get('retry-after') ?? '30s');
    ctx.log.info('located', { town: input.town });
    return (await reply.json()) as Place;
  },
  memoize: { expires: '1 day', key: (input) => [input.street, input.town] },
  retry: {
    attempts: 6,
    delays: ['5s', '10s', '20s', '30s', '60s'],
    jitter: 0.2,
    when: (_error, { attempt }) => attempt < 3,
  },
  timeout: '30s',
});
same<typeof locate, Task<'locate', { street: string; town: string }, Place>>(true);

const enrich = defineJob({
  name: 'enrich-orders',
  params: { file: 'string', region: { type: 'string', default: 'EU', about: 'which orders' }, top: 'number?' },
  source: (params) => csv(params.file, { columns: ['order_id', 'street', 'town'] }),
  id: (params) => `enrich-${params.file}-${params.region}`,
  key: (row) => row.order_id,
  task: locate,
  input: (row) => ({ street: row.street, town: row.town }),
  idempotencyKey: (row, params) => `${params.region}-${row.order_id}`,
  concurrency: 100,
  ratePerSecond: 50,
  tolerate: { failures: '1%' },
}).to(
  sqlTable({
    url: 'sqlite:orders.db',
    table: 'orders_located',
    key: 'order_id',
    row: (item, place) => ({ order_id: item.order_id, lat: place.lat, lon: place.lon }),
  }),
);
type Row = { readonly order_id: string; readonly street: string; readonly town: string };
same<
  typeof enrich,
  Job<'enrich-orders', { readonly file: string; readonly region: string; readonly top: number | undefined }, Row, Place>
>(true);

// A task whose input is the item itself needs no `input`.
const double = defineTask({ name: 'double', run: (n: { readonly n: number }) => n.n * 2 });
const doubled = defineJob({
  name: 'doubled',
  source: items([{ n: 1, id: 'a' }]),
  key: (item) => item.id,
  task: double,
});
same<typeof doubled, Job<'doubled', Record<never, never>, { n: number; id: string }, number>>(true);
doubled.to(
  sqlTable({
    url: 'sqlite:x',
    table: 't',
    key: ['id'],
    row: (item, result) => [{ id: item.id, result: result.toFixed() }],
  }),
);

// Inline run: params, item and result flow; also through a function of the params, and into a transaction.
defineJob({
  name: 'inline',
  params: { table: 'string', loud: 'boolean?' },
  source: items([{ id: 1 }]),
  key: (item) => item.id,
  run: async (item, ctx) => ({ name: ctx.params.table + item.id, loud: ctx.params.loud ?? false }),
})
  .to((params) =>
    sqlTable({
      url: 'sqlite:x',
      table: params.table,
      key: 'id',
      row: (item, result) => ({ id: item.id, name: result.name, loud: result.loud }),
    }),
  )
  .to(
    sqlTransaction('sqlite:x', async (tx, outcomes) => {
      for (const { item, key, result } of outcomes) await tx.run('insert', [item.id, key, result.name.length]);
    }),
  );

// Rows without named columns, and typed JSON Lines.
defineJob({
  name: 'loose',
  source: csv('x.csv'),
  key: (row) => row['id'] ?? '',
  run: (row) => row['name']?.length ?? 0,
});
defineJob({
  name: 'typed',
  source: jsonl<{ readonly id: number }>('x.jsonl'),
  key: (item) => item.id,
  run: (item) => item.id + 1,
});

// A schema turns the source's records into items.
const parsed = defineJob({
  name: 'parsed',
  source: csv('x.csv', { columns: ['id', 'n'] }),
  schema: z.object({ id: z.string(), n: z.coerce.number() }),
  key: (item) => item.id,
  run: (item) => item.n * 2,
});
same<typeof parsed, Job<'parsed', Record<never, never>, { id: string; n: number }, number>>(true);

// A task's schema: callers give what it takes, run gets what it makes.
const lengths = defineTask({
  name: 'lengths',
  schema: z.object({ n: z.string().transform(Number) }),
  run: (input) => input.n.toFixed(),
});
same<typeof lengths, Task<'lengths', { n: string }, string>>(true);

// A schema for all params.
defineJob({
  name: 'schema-params',
  params: z.object({ file: z.string(), top: z.number().default(3) }),
  source: (params) => csv(`${params.file}${params.top.toFixed()}`, { columns: ['id'] }),
  key: (row) => row.id,
  run: (_row, ctx) => ctx.params.top + 1,
});

// Batches: an outcome an item, values and failures mixed.
defineJob({
  name: 'batch',
  params: { limit: 'number' },
  source: items([{ id: 'a' }]),
  key: (item) => item.id,
  runBatch: async (all, ctx) =>
    all.map((item, n) => (n > ctx.params.limit ? failed('too many') : { upper: item.id.toUpperCase() })),
  batchSize: 20,
}).to(
  sqlTable({
    url: 'sqlite:x',
    table: 't',
    key: 'id',
    row: (item, result) => ({ id: item.id, upper: result.upper.trim() }),
  }),
);

// A task is callable inside run.
defineJob({
  name: 'calls',
  source: items([{ id: 'a' }]),
  key: (item) => item.id,
  run: async (item) => (await locate({ street: '', town: item.id })).lat,
});

// Types of results that come back as they went in, and one that does not.
interface Result {
  readonly at: Date;
  readonly parts: readonly (bigint | undefined)[];
}
same<Storable<Result> extends Result ? true : false, true>(true);
same<Result extends Storable<Result> ? true : false, true>(true);
same<{ run: () => void } extends Storable<{ run: () => void }> ? true : false, false>(true);
same<{ seen: Map<string, number> } extends Storable<{ seen: Map<string, number> }> ? true : false, false>(true);

// --- What is a type error ---

const source = items([{ id: 'a', n: 1 }]);
const job = defineJob({ name: 'wrong', source, key: (item) => item.id, run: (item) => ({ n: item.n }) });
// @ts-expect-error the sink's key names no column of its row
job.to(sqlTable({ url: 'sqlite:x', table: 't', key: 'nope', row: (item) => ({ id: item.id }) }));
// @ts-expect-error one of several key columns is not in the row
job.to(sqlTable({ url: 'sqlite:x', table: 't', key: ['id', 'nope'], row: (item) => ({ id: item.id }) }));
// @ts-expect-error the item has no such field
job.to(sqlTable({ url: 'sqlite:x', table: 't', key: 'id', row: (item) => ({ id: item.nope }) }));
// @ts-expect-error the result has no such field
job.to(sqlTable({ url: 'sqlite:x', table: 't', key: 'id', row: (item, result) => ({ id: item.id, m: result.m }) }));
// @ts-expect-error there is no such column
defineJob({ name: 'wrong', source: csv('x', { columns: ['id'] }), key: (row) => row.nope, run: (row) => row.id });
// @ts-expect-error a key is a string or a number
defineJob({ name: 'wrong', source, key: (item) => item, run: (item) => item.n });
// @ts-expect-error the item does not fit the task, and there is no input
defineJob({ name: 'wrong', source, key: (item) => item.id, task: locate });
defineJob({
  name: 'wrong',
  source,
  key: (item) => item.id,
  task: locate,
  // @ts-expect-error what input returns does not fit the task
  input: (item) => ({ street: item.n, town: '' }),
});
// @ts-expect-error both task and run
defineJob({ name: 'wrong', source, key: (item) => item.id, task: double, run: (item) => item.n });
// @ts-expect-error neither task nor run nor runBatch
defineJob({ name: 'wrong', source, key: (item) => item.id });
// @ts-expect-error batchSize goes with runBatch
defineJob({ name: 'wrong', source, key: (item) => item.id, run: (item) => item.n, batchSize: 3 });
// @ts-expect-error there is no such option
defineJob({ name: 'wrong', source, key: (item) => item.id, run: (item) => item.n, concurency: 3 });
defineJob({
  name: 'wrong',
  params: { file: 'string' },
  // @ts-expect-error no param of that name
  source: (params) => csv(params.path),
  key: () => 1,
  run: () => 1,
});
// @ts-expect-error no kind of that name
defineJob({ name: 'wrong', params: { file: 'text' }, source, key: () => 1, run: () => 1 });
// @ts-expect-error a default of another kind
defineJob({ name: 'wrong', params: { top: { type: 'number', default: 'x' } }, source, key: () => 1, run: () => 1 });
// @ts-expect-error no duration
defineTask({ name: 'wrong', run: () => 1, timeout: '5 fortnights' });
// @ts-expect-error a bare number has no unit
defineTask({ name: 'wrong', run: () => 1, timeout: 5 });
// @ts-expect-error a share ends in %
defineJob({ name: 'wrong', source, key: (item) => item.id, run: (item) => item.n, tolerate: { failures: '5' } });
// @ts-expect-error the task's input
void locate({ street: 'x' });

// A memoized result must be storable; expires and key know the types.
defineTask({
  name: 'token',
  run: async (n: number) => ({ n, until: new Date(), big: 1n, bytes: new Uint8Array(), none: undefined }),
  memoize: { expires: (result, input) => (input > 1 ? result.until : '1 day') },
});
defineTask({ name: 'nothing', run: (_: string) => undefined, memoize: {} });
defineTask({ name: 'no-return', run: async (_: string) => {}, memoize: {} });
defineTask({ name: 'anything', run: (n: unknown): unknown => n, memoize: {} });
// @ts-expect-error a function cannot be stored
defineTask({ name: 'fn', run: (n: number) => ({ call: () => n }), memoize: {} });
// @ts-expect-error neither can a map
defineTask({ name: 'map', run: (_: number) => new Map([[1, 2]]), memoize: { expires: '1 day' } });
