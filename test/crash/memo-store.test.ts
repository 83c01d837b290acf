import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MEMO_POINTS } from '../../memoization/points.ts';
import type { MemoProcessSettings } from './programs/memo-process.ts';

let directory: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-memo-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) await kill(child);
  rmSync(directory, { recursive: true });
});

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

interface Started {
  readonly child: ChildProcess;
  readonly ready: Promise<void>;
  go(): void;
  /** Resolves to what it said, when it has ended by itself. */
  readonly ended: Promise<{
    readonly said: string;
    readonly signal: NodeJS.Signals | null;
    readonly code: number | null;
  }>;
}

function start(settings: Partial<MemoProcessSettings>): Started {
  const program = join(import.meta.dirname, 'programs/memo-process.ts');
  const all = { directory, keys: 40, width: 8, computeMs: 0, ...settings };
  const env = { ...process.env, MEMO_PROCESS: JSON.stringify(all) };
  const child = spawn(process.execPath, ['--no-warnings', program], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  child.stdin?.on('error', () => {});
  let said = '';
  const ready = new Promise<void>((resolve) => {
    child.stdout?.on('data', (data) => {
      said += data;
      if (said.includes('ready')) resolve();
    });
  });
  const ended = once(child, 'close').then(([code, signal]) => ({ said, code, signal }));
  return { child, ready, ended, go: () => child.stdin?.write('go\n') };
}

/** Starts processes and lets them go at once; resolves when all have ended. */
async function runAll(all: readonly Partial<MemoProcessSettings>[]) {
  const started = all.map(start);
  await Promise.all(started.map((each) => each.ready));
  for (const each of started) each.go();
  return Promise.all(started.map((each) => each.ended));
}

function query<Row>(sql: string): Row[] {
  const database = new DatabaseSync(join(directory, 'memo.db'));
  try {
    return database.prepare(sql).all() as Row[];
  } finally {
    database.close();
  }
}

/** How often each key was computed. */
function calls(): Map<number, number> {
  const path = join(directory, 'calls.txt');
  const counts = new Map<number, number>();
  if (!existsSync(path)) return counts;
  for (const line of readFileSync(path, 'utf8').trim().split('\n')) {
    if (line !== '') counts.set(Number(line), (counts.get(Number(line)) ?? 0) + 1);
  }
  return counts;
}

const total = (counts: Map<number, number>): number => [...counts.values()].reduce((sum, n) => sum + n, 0);
const isStored = (): number => query<{ n: number }>('SELECT count(*) AS n FROM hf_memo')[0]?.n ?? 0;

describe('a process that is killed in a memoized call', () => {
  const places = MEMO_POINTS.flatMap((point) => [`${point}:1`, `${point}:2`]).filter(
    (at) => at !== 'after-memo-release:2',
  );

  test.each(places)(
    'at %s loses nothing that was stored, and its keys are computed by others (invariant 8)',
    async (killAt) => {
      const failing = killAt.startsWith('after-memo-release') ? { failKey: 7 } : {};
      const [killed] = await runAll([{ killAt, ...failing }]);
      expect(killed?.signal).toBe('SIGKILL');
      const [storedBefore, before] = [isStored(), total(calls())];
      const [next] = await runAll([{}]);
      expect(next).toMatchObject({ code: 0, said: expect.stringContaining('all keys') });
      expect([isStored(), calls().size]).toEqual([40, 40]);
      // What had been stored was not computed again.
      expect(total(calls()) - before).toBe(40 - storedBefore);
      expect(query('SELECT * FROM hf_memo_claim')).toEqual([]);
    },
  );

  test('at any moment, of three that work on the same keys, leaves them to the others (invariant 8)', async () => {
    const started = [1, 2, 3].map(() => start({ keys: 200, width: 10, computeMs: 5 }));
    await Promise.all(started.map((each) => each.ready));
    for (const each of started) each.go();
    while (total(calls()) < 60 && started[0]?.child.exitCode === null) await sleep(5);
    await kill(started[0]?.child as ChildProcess);
    const [, ...others] = await Promise.all(started.map((each) => each.ended));
    for (const other of others) expect(other).toMatchObject({ code: 0, said: expect.stringContaining('all keys') });
    expect([isStored(), calls().size]).toEqual([200, 200]);
    // Again at most what the killed one had in hand.
    expect(total(calls())).toBeLessThanOrEqual(210);
    expect(query('SELECT * FROM hf_memo_claim')).toEqual([]);
  });
});

describe('processes on one store', () => {
  test('eight that ask for the same thousand keys at once compute each one once (invariant 8)', async () => {
    const ended = await runAll(Array.from({ length: 8 }, () => ({ keys: 1_000, width: 50 })));
    for (const each of ended) expect(each).toMatchObject({ code: 0, said: expect.stringContaining('all keys') });
    expect([calls().size, total(calls())]).toEqual([1_000, 1_000]);
    expect(query('SELECT * FROM hf_memo_claim')).toEqual([]);
  });

  test('two whose calls wait for each other’s keys both end (invariant 9)', async () => {
    const ended = await runAll([{ circle: { own: 0, other: 1 } }, { circle: { own: 1, other: 0 } }]);
    const values = ended.map(({ said }) => JSON.parse(/value (.*)/.exec(said)?.[1] ?? 'null') as unknown[]);
    expect(values.map((value) => value[0])).toEqual([0, 1]);
    expect(JSON.stringify(values)).toMatch(/alone/);
    expect(query('SELECT * FROM hf_memo_wait')).toEqual([]);
  });
});
