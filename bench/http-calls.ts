// 5,000 calls to an HTTP server on loopback that answers after 50 ms, 100 in flight: a bare loop of the same concurrency and
// Holdfast with default options otherwise, one after the other, in processes of their own. Then the same as a memoized task, and
// a second job with that task, which calls nothing. Prints the ratios of their rates to the bare loop's.
// What it does not measure: a server that limits or fails, several worker processes.
//
//   node bench/http-calls.ts [--items 5000] [--concurrency 100] [--rounds 1]
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Measurement, median, runPart } from './measure.ts';

const LATENCY_MS = 50;

const { values } = parseArgs({
  options: {
    items: { type: 'string', default: '5000' },
    concurrency: { type: 'string', default: '100' },
    rounds: { type: 'string', default: '1' },
    part: { type: 'string' },
    directory: { type: 'string' },
    port: { type: 'string' },
  },
});
const items = Number(values.items);
const concurrency = Number(values.concurrency);
const agent = new Agent({ keepAlive: true, maxSockets: concurrency });

/** What both do with an item. */
function call(id: string): Promise<number> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port: Number(values.port), path: `/${id}`, agent }, (reply) => {
      let bytes = 0;
      reply.on('data', (data: Buffer) => {
        bytes += data.length;
      });
      reply.on('end', () => resolve(bytes));
      reply.on('error', reject);
    }).on('error', reject);
  });
}

function serve(): void {
  const server = createServer((_, reply) => setTimeout(() => reply.end('{"ok":true}'), LATENCY_MS));
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
}

async function bareLoop(directory: string): Promise<Measurement> {
  const started = performance.now();
  const db = new DatabaseSync(join(directory, 'bare.db'));
  db.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; CREATE TABLE replies (id TEXT PRIMARY KEY, bytes INTEGER)',
  );
  const insert = db.prepare('INSERT INTO replies VALUES (?, ?)');
  let next = 0;
  const lane = async () => {
    while (next < items) {
      const id = `item-${next++}`;
      insert.run(id, await call(id));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
  const rows = Number(db.prepare('SELECT count(*) AS n FROM replies').get()?.n);
  return { seconds: (performance.now() - started) / 1000, rows, rssMb: process.resourceUsage().maxRSS / 1024 };
}

/** Each kind is a job with a database of its own. */
const PARTS = ['holdfast', 'memoized', 'again'] as const;

async function holdfast(directory: string, part: (typeof PARTS)[number]): Promise<Measurement> {
  process.chdir(directory);
  const { defineJob, defineTask, jsonl, sqlTable } = await import('holdfast');
  const { runJob } = await import('./run-job.ts');
  const memoize = part === 'holdfast' ? false : {};
  const job = defineJob({
    name: part,
    source: jsonl<{ readonly id: string }>('items.jsonl'),
    key: (item) => item.id,
    task: defineTask({ name: 'call', run: ({ id }: { readonly id: string }) => call(id), memoize }),
    concurrency,
  }).to(sqlTable({ url: `sqlite:${part}.db`, table: 'replies', key: 'id', row: ({ id }, bytes) => ({ id, bytes }) }));
  const seconds = await runJob(job, join(directory, 'home'));
  const db = new DatabaseSync(join(directory, `${part}.db`), { readOnly: true });
  const rows = Number(db.prepare('SELECT count(*) AS n FROM replies').get()?.n);
  return { seconds, rows, rssMb: process.resourceUsage().maxRSS / 1024 };
}

if (values.part === 'server') {
  serve();
} else if (values.part) {
  const directory = values.directory as string;
  const measured =
    values.part === 'bare' ? bareLoop(directory) : holdfast(directory, values.part as (typeof PARTS)[number]);
  process.stdout.write(JSON.stringify(await measured));
  process.exit(0);
} else {
  const server = fork(fileURLToPath(import.meta.url), ['--part', 'server']);
  const port = await new Promise<number>((resolve) => server.once('message', (message) => resolve(Number(message))));
  const ratios = { holdfast: [] as number[], memoized: [] as number[], again: [] as number[] };
  try {
    for (let round = 0; round < Number(values.rounds); round++) {
      const directory = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
      const lines = Array.from({ length: items }, (_, i) => JSON.stringify({ id: `item-${i}` }));
      writeFileSync(join(directory, 'items.jsonl'), `${lines.join('\n')}\n`);
      const args = [
        '--items',
        values.items,
        '--concurrency',
        values.concurrency,
        '--directory',
        directory,
        '--port',
        String(port),
      ];
      const bare = runPart(import.meta.url, [...args, '--part', 'bare']);
      for (const part of PARTS) {
        const ours = runPart(import.meta.url, [...args, '--part', part]);
        if (bare.rows !== items || ours.rows !== items)
          throw new Error(`rows: bare ${bare.rows}, ${part} ${ours.rows}, of ${items}`);
        const ratio = bare.seconds / ours.seconds;
        ratios[part].push(ratio);
        console.log(JSON.stringify({ items, concurrency, part, bare, ours, ratio: Number(ratio.toFixed(3)) }));
      }
      rmSync(directory, { recursive: true, force: true });
    }
  } finally {
    server.kill();
  }
  const of = (part: (typeof PARTS)[number]) => median(ratios[part]).toFixed(2);
  console.log(
    `calls of ${LATENCY_MS} ms, ${concurrency} in flight: ${of('holdfast')} of the bare loop's rate, ${of('memoized')} memoized, ${of('again')} when all is stored`,
  );
}
