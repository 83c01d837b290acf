import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createActivities } from '../../activities/create-activities.ts';
import { collectJobs } from '../../definitions/job.ts';
import { defineJob, items, jsonl, sqlTable } from '../../index.ts';
import { findJob } from '../../ledger/jobs.ts';
import { openStore } from '../../ledger/open-store.ts';
import { RecordedTransactions } from '../../sinks/recorded-transactions.ts';
import type { OpenedRun } from '../../workflows/messages.ts';
import { memoOf } from './store-memo.ts';

interface Item {
  readonly id: string;
}

let directory: string;
let part: Awaited<ReturnType<typeof makePart>>;
let calls: string[];
let callMs: number;

/** The activities of one process, on real files and a real ledger. */
async function makePart() {
  const job = defineJob({
    name: 'chunks',
    source: jsonl<Item>('in.jsonl'),
    key: (item) => item.id,
    run: async (item, ctx) => {
      calls.push(item.id);
      await new Promise((resolve) => setTimeout(resolve, callMs));
      return ctx.attempt;
    },
  }).to(
    sqlTable({ url: 'sqlite:out.db', table: 'out', key: 'id', row: (item, attempt) => ({ id: item.id, attempt }) }),
  );
  const broken = defineJob({
    name: 'broken',
    source: items(() => {
      throw new Error('the source is broken');
    }),
    key: () => 'none',
    run: () => null,
  });
  const store = await openStore({ home: join(directory, 'home'), directory });
  const quiet = () => undefined;
  const { activities, close } = createActivities({
    jobs: collectJobs([job, broken]),
    store,
    memo: await memoOf(store, { directory, owner: 'this process' }),
    transactions: new RecordedTransactions({ directory, now: Date.now }),
    owner: 'this process',
    directory,
    now: Date.now,
    random: Math.random,
    reach: quiet,
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    shutdown: new AbortController().signal,
    shutdownGraceMs: 300,
    leaseMs: 15_000,
    heartbeatTimeoutMs: 30_000,
  });
  return { activities, store, close: () => close().then(() => store.database.close()) };
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-chunks-'));
  writeFileSync(join(directory, 'in.jsonl'), Array.from({ length: 100 }, (_, i) => `{"id":"k${i}"}\n`).join(''));
  calls = [];
  callMs = 1;
  part = await makePart();
});

afterEach(async () => {
  await part.close();
  rmSync(directory, { recursive: true, force: true });
});

const run = <T>(work: () => Promise<T>, env = new MockActivityEnvironment()) => env.run(work) as Promise<T>;

async function open(): Promise<OpenedRun> {
  const input = { jobId: 'chunks', name: 'chunks', params: '{}', again: false, limit: null };
  const opened = await run(() => part.activities.holdfastOpenJob({ input, runId: 'run-1' }));
  if (opened.kind !== 'fresh') throw new Error(opened.kind);
  expect(opened.plan).toMatchObject({ chunks: [1], last: 1, ended: true });
  return opened.run;
}

function landed(): number {
  const db = new DatabaseSync(join(directory, 'out.db'), { readOnly: true });
  const [row] = db.prepare('SELECT count(*) AS n FROM out').all();
  db.close();
  return Number(row?.n);
}

describe('the chunk activity', () => {
  test('reports a chunk done only when it is durable, and by its number only (invariants 3 and 7)', async () => {
    const opened = await open();
    const outcome = await run(() => part.activities.holdfastRunChunk({ run: opened, kind: 'range', numbers: [1] }));
    expect(outcome).toMatchObject({ kind: 'ran', left: [], changed: null });
    expect(JSON.stringify(outcome)).not.toContain('k1');
    expect(landed()).toBe(100);
  });

  test('a chunk whose report was lost reports again at once, without a call (invariant 6)', async () => {
    const opened = await open();
    const again = () => part.activities.holdfastRunChunk({ run: opened, kind: 'range', numbers: [1] });
    await run(again);
    expect(await run(again)).toMatchObject({ kind: 'ran', left: [] });
    expect(calls).toHaveLength(100);
  });

  test('a chunk that is cancelled gives back what is left, with what has landed recorded', async () => {
    callMs = 30;
    const opened = await open();
    const env = new MockActivityEnvironment();
    setTimeout(() => env.cancel('CANCELLED'), 120);
    const input = { run: opened, kind: 'range', numbers: [1] } as const;
    expect(await run(() => part.activities.holdfastRunChunk(input), env)).toMatchObject({ kind: 'ran', left: [1] });
    expect(landed()).toBe(calls.length);
    await run(() => part.activities.holdfastRunChunk(input));
    expect(landed()).toBe(100);
    expect(calls).toHaveLength(100);
  });

  test('two attempts of one chunk in a process: the older leaves first, and no item is called twice (invariants 2 and 6)', async () => {
    callMs = 20;
    const opened = await open();
    const attempt = () => part.activities.holdfastRunChunk({ run: opened, kind: 'range', numbers: [1] });
    const first = run(attempt);
    await new Promise((resolve) => setTimeout(resolve, 60));
    const [older, newer] = await Promise.all([first, run(attempt)]);
    expect(older).toMatchObject({ left: [1] });
    expect(newer).toMatchObject({ left: [] });
    expect(landed()).toBe(100);
    expect(calls).toHaveLength(100);
  });

  test('an attempt of an older run changes nothing (invariant 2)', async () => {
    const opened = await open();
    const old = { ...opened, epoch: opened.epoch - 1 };
    const outcome = await run(() => part.activities.holdfastRunChunk({ run: old, kind: 'range', numbers: [1] }));
    expect(outcome).toMatchObject({ kind: 'stale' });
    expect(calls).toEqual([]);
  });

  test('closing tells what is not done, and what is: read = applied + quarantined + unknown (invariant 5)', async () => {
    const opened = await open();
    const close = () => part.activities.holdfastCloseJob({ run: opened, cancelled: false, failure: null });
    expect(await run(close)).toEqual({ kind: 'not-done' });
    await run(() => part.activities.holdfastRunChunk({ run: opened, kind: 'range', numbers: [1] }));
    expect(await run(close)).toMatchObject({ kind: 'closed', result: { state: 'complete' } });
    // Its report was lost: the same answer.
    expect(await run(close)).toMatchObject({ kind: 'closed', result: { state: 'complete' } });
  });
});

test('a run whose first plan fails for good is recorded as failed, with the reason', async () => {
  const input = { jobId: 'broken', name: 'broken', params: '{}', again: false, limit: null };
  const last = new MockActivityEnvironment({ attempt: 100 });
  await expect(run(() => part.activities.holdfastOpenJob({ input, runId: 'run-1' }), last)).rejects.toThrow(
    'is broken',
  );
  const job = await part.store.ledger.read((tx) => findJob(tx, 'broken'));
  expect(job).toMatchObject({ state: 'failed', error: expect.stringContaining('the source is broken') });
});
