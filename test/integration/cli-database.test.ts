import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { numbered, type Project, Site } from './harness.ts';
import { until } from './running-command.ts';

const holder = join(import.meta.dirname, '../unit/database/programs/hold-database.ts');

let site: Site;

beforeAll(() => {
  site = new Site();
});
afterAll(() => site.remove());

function project(name: string, count = 3): Project {
  const here = site.project(name);
  here.items(numbered(count));
  here.job();
  return here;
}

/** Runs SQL in the sink's database, as another program would. */
function script(here: Project, sql: string): void {
  const database = new DatabaseSync(join(here.directory, 'out.db'));
  database.exec(sql);
  database.close();
}

describe('a sink that cannot take rows is said at once, with its file', () => {
  test('a file that is not a database', async () => {
    const here = project('not-a-database');
    here.write('out.db', 'these are words, and no database at all; '.repeat(40));
    expect(await here.cli('run', 'job.ts')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/out\.db is not a database.*HF_DATABASE_NOT/),
    });
    expect(here.calls()).toEqual([]);
  });

  test('a ledger that a newer Holdfast has written', async () => {
    const here = project('newer');
    expect((await here.run()).code).toBe(0);
    script(here, "INSERT INTO hf_migration VALUES ('ledger', 99, 'later', '')");
    expect(await here.cli('run', 'job.ts')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/out\.db was written by a newer Holdfast \(schema 99.*HF_SCHEMA_NEWER/),
    });
  });

  test('a table without the columns that the rows have', async () => {
    const here = project('columns');
    script(here, 'CREATE TABLE landed (id TEXT PRIMARY KEY)');
    const { code, stdout } = await here.cli('run', 'job.ts');
    expect({ code, stdout }).toMatchObject({ stdout: expect.stringMatching(/landed .*no column v.*HF_SINK_COLUMNS/s) });
    expect(code).not.toBe(0);
    expect(await here.status()).toMatchObject({ summary: { state: 'failed', items: { applied: 0 } } });
  });
});

test('a sink that another program locks in the middle is waited for, which is said, and no item is called again', async () => {
  const here = site.project('locked');
  here.items(numbered(40));
  here.job({ body: 'await sleep(60); return { v: 1 };' });
  const run = here.start('run', 'job.ts', '--json');
  await here.applies(5);
  const other = spawn(process.execPath, [holder, join(here.directory, 'out.db')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    await once(other.stdout, 'data');
    await run.says('is locked by another program');
  } finally {
    other.stdin.end('let go\n');
    await once(other, 'exit');
  }
  const { code, stdout } = await run.ended;
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ state: 'complete', items: { applied: 40 }, calls: { made: 40 } });
  expect(here.calls()).toHaveLength(40);
  await until('all have landed', () => here.landed().length === 40);
});
