import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AnyJob } from '../../definitions/job.ts';
import { defineJob, defineTask, jsonl, type Retry, RetryAfter, sqlTransaction, type TaskContext } from '../../index.ts';

/** A record of the source: it says itself what its calls do. */
export interface CrashItem {
  readonly id: string;
  /** What a memoized job's task computes: the same for several items. @default its id */
  readonly on?: string;
  /** Its first calls that fail, by `ctx.attempt`. */
  readonly fail?: number;
  /** Its first calls, by the calls that were ever made, that ask to be left alone for a moment. */
  readonly later?: number;
  /** Milliseconds of each of its calls behind those that fail. */
  readonly slowly?: number;
  /** `hang`: never settles. `stubborn`: as that, but settles after it was told to stop. */
  readonly does?: 'hang' | 'stubborn' | 'throw-text' | 'throw-nothing';
  /** What its part of the transaction does. */
  readonly sql?: 'swallow' | 'throw';
}

/** How the job of a test is made; travels to worker processes as JSON. */
export interface CrashJob {
  readonly name: string;
  /** Milliseconds of each call; 0: it answers at once. */
  readonly callMs: number;
  readonly concurrency: number;
  readonly retry?: Retry;
  readonly timeout?: `${number}ms`;
  readonly tolerate?: number | `${number}%`;
  readonly onDuplicateKey?: 'quarantine' | 'first';
  /** The worker's, not the job's. */
  readonly heartbeatTimeout?: `${number}s`;
  /** Nothing fails any more. */
  readonly mended?: boolean;
  readonly unstableKey?: boolean;
  /** The work is a memoized task, keyed by what it computes (`on`). */
  readonly memoized?: boolean;
  readonly onStoreError?: 'fail' | 'run';
}

export const SOURCE = 'in.jsonl';
export const DATABASE = 'effects.db';
export const CALLS = 'calls.log';

/** Makes the job on the files of a directory. Every call is written down there before anything else, also what a kill ends. */
export function makeCrashJob(options: CrashJob, directory: string): AnyJob {
  const calls = openSync(join(directory, CALLS), 'a');
  process.once('exit', () => closeSync(calls));
  const { name, callMs, concurrency, retry, timeout, tolerate, onDuplicateKey, onStoreError = 'fail' } = options;
  let keys = 0;
  const attempts = { ...(retry && { retry }), ...(timeout && { timeout }) };
  const run = (item: CrashItem, ctx: TaskContext): string | Promise<string> => {
    writeSync(calls, `begin ${subjectOf(item)}\n`);
    if (item.does === 'throw-text') throw 'a text';
    if (item.does === 'throw-nothing') throw undefined;
    if (item.does === 'hang') return new Promise<string>(() => undefined);
    if (item.does === 'stubborn') return settleAfterAbort(ctx.signal);
    if (!options.mended && (item.fail ?? 0) >= ctx.attempt) throw new Error(`call ${ctx.attempt} fails`);
    if (item.later && countCalls(directory, subjectOf(item)) <= item.later) throw new RetryAfter('200ms');
    const ms = item.slowly ?? callMs;
    if (ms === 0) return `${process.pid}`;
    return sleep(ms).then(() => {
      writeSync(calls, `end ${subjectOf(item)}\n`);
      return `${process.pid}`;
    });
  };
  return defineJob({
    name,
    source: jsonl<CrashItem>(SOURCE),
    key: (item) => (options.unstableKey ? `${item.id}-${process.pid}-${Math.floor(keys++ / 2)}` : item.id),
    concurrency,
    ...(tolerate !== undefined && { tolerate: { failures: tolerate } }),
    ...(onDuplicateKey && { onDuplicateKey }),
    ...(options.memoized
      ? { task: defineTask({ name: 'compute', run, memoize: { key: subjectOf, onStoreError }, ...attempts }) }
      : { run, ...attempts }),
  }).to(
    sqlTransaction<CrashItem, string>(`sqlite:${DATABASE}`, async (tx, outcomes) => {
      for (const { item, key, result } of outcomes) {
        if (item.sql === 'throw') throw new Error('not this one');
        if (item.sql === 'swallow') await tx.run('INSERT INTO effect (key) VALUES (NULL)').catch(() => undefined);
        await tx.run('INSERT INTO effect (key, worker, at) VALUES (?, ?, ?)', [key, result, Date.now()]);
      }
    }),
  );
}

/** What an item's call computes. */
const subjectOf = (item: CrashItem): string => item.on ?? item.id;

/** Calls that were ever begun for an item, in whatever process. */
export function countCalls(directory: string, id: string): number {
  const lines = readFileSync(join(directory, CALLS), 'utf8').split('\n');
  return lines.filter((line) => line === `begin ${id}`).length;
}

function settleAfterAbort(signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => setTimeout(() => resolve('too late'), 50), { once: true });
  });
}
