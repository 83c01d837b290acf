import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import { stopServer } from '../../server/embedded.ts';

const root = join(import.meta.dirname, '../..');
const job = join(root, 'examples/nearest-airport/job.ts');
const zipCodes = 42_049;
let directory: string;
const running: ChildProcess[] = [];

beforeAll(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'nearest-airport-')));
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
});

afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await stopServer({ home: home() });
  rmSync(directory, { recursive: true, force: true });
});

describe('the job of examples/nearest-airport', () => {
  test('takes less than 40 lines', () => {
    expect(readFileSync(job, 'utf8').trimEnd().split('\n').length).toBeLessThan(40);
  });

  test('killed in the middle and run again, it writes every zip code once, computing only what is missing', async () => {
    const first = startRun();
    await until(() => countRows() > 5_000);
    first.child.kill('SIGKILL');
    await first.ended;
    const landed = countRows();
    expect(landed).toBeLessThan(zipCodes);

    const second = startRun();
    expect(await second.ended).toBe(0);
    const summary = JSON.parse(second.output());
    expect(summary).toMatchObject({
      job: 'nearest-airport',
      generation: 1,
      state: 'complete',
      items: { read: zipCodes, applied: zipCodes, waiting: 0, quarantined: 0, unknown: 0, total: zipCodes },
    });
    expect(summary.calls.made).toBe(zipCodes);
    expect(summary.thisRun).toEqual({ applied: zipCodes - landed, known: landed });
    expect(
      readRows('SELECT zip FROM nearest_airport')
        .map((row) => row.zip)
        .sort(),
    ).toEqual(zipsOfTheFile());
  }, 180_000);

  test('finds the airports that are known to be near', () => {
    const near = (zip: string) => readRows('SELECT iata, km FROM nearest_airport WHERE zip = ?', zip)[0];
    expect(near('04609')).toEqual({ iata: 'BHB', km: expect.closeTo(10.7, 1) });
    expect(near('60601')).toEqual({ iata: 'MDW', km: expect.closeTo(6.1, 1) });
    expect(near('94103')).toEqual({ iata: 'SFO', km: expect.closeTo(17.7, 1) });
    expect(near('96740')).toEqual({ iata: 'KOA', km: expect.closeTo(13.5, 1) });
  });

  test('run again when it is complete, it finds nothing to do', async () => {
    const run = startRun();
    expect(await run.ended).toBe(0);
    expect(JSON.parse(run.output())).toMatchObject({
      state: 'complete',
      items: { applied: zipCodes },
      thisRun: { applied: 0 },
    });
  });
});

interface StartedRun {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  output(): string;
}

function startRun(): StartedRun {
  const child = spawn(process.execPath, [join(root, 'bin/holdfast.js'), 'run', job, '--json'], {
    cwd: directory,
    env: { ...process.env, HOLDFAST_HOME: home(), TEMPORAL_ADDRESS: undefined },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.push(child);
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    text += more;
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  return { child, ended, output: () => text };
}

function countRows(): number {
  try {
    return Number(readRows('SELECT count(*) AS n FROM nearest_airport')[0]?.n);
  } catch {
    // Not there before the first commit.
    return 0;
  }
}

function readRows(sql: string, ...values: readonly string[]): readonly Record<string, unknown>[] {
  const file = join(directory, 'nearest-airport.db');
  if (!existsSync(file)) return [];
  using open = new DatabaseSync(file, { readOnly: true });
  return open
    .prepare(sql)
    .all(...values)
    .map((row) => ({ ...row }));
}

function zipsOfTheFile(): readonly string[] {
  const text = readFileSync(join(root, 'node_modules/vega-datasets/data/zipcodes.csv'));
  return parse<{ readonly zip_code: string }>(text, { columns: true })
    .map((row) => row.zip_code)
    .sort();
}

function home(): string {
  return join(directory, '.holdfast');
}

async function until(done: () => boolean): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!done()) {
    if (Date.now() > deadline) throw new Error('waited a minute in vain');
    await sleep(50);
  }
}
