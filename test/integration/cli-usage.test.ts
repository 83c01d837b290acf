import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { numbered, type Project, Site } from './harness.ts';

let site: Site;
let here: Project;

beforeAll(() => {
  site = new Site();
  here = site.project('usage');
  here.items(numbered(2));
  here.job({
    params: "{ file: { type: 'string', about: 'what to read' }, top: { type: 'number', default: 3 } }",
    source: 'jsonl<Item>(params.file)',
  });
});
afterAll(() => site.remove());

const good = ['--param', 'file=in.jsonl'];

describe('wrong use exits 2, says what is wrong in one line, and starts no server', () => {
  test.each([
    ['a file that is missing', ['run', 'nowhere.ts'], 'HF_FILE_MISSING'],
    ['a param that is missing', ['run', 'job.ts'], 'HF_PARAM_MISSING'],
    ['an unknown param', ['run', 'job.ts', ...good, '--param', 'fil=x'], 'HF_PARAM_UNKNOWN'],
    ['a param of another kind', ['run', 'job.ts', ...good, '--param', 'top=many'], 'HF_PARAM_INVALID'],
    ['a source that is missing', ['run', 'job.ts', '--param', 'file=gone.jsonl'], 'HF_SOURCE_MISSING'],
    ['a source that is a directory', ['run', 'job.ts', '--param', 'file=.'], 'HF_SOURCE_IS_DIRECTORY'],
    ['an id that is none', ['run', 'job.ts', ...good, '--id', ' '], 'HF_OPTION_INVALID'],
    ['a job that is not in the file', ['run', 'job.ts', '--job', 'other'], 'HF_JOB_NOT_IN_FILE'],
    ['an unknown id', ['status', 'nobody'], 'HF_JOB_UNKNOWN'],
    ['an unknown id to pause', ['pause', 'nobody'], 'HF_JOB_UNKNOWN'],
    ['an unknown id to cancel', ['cancel', 'nobody'], 'HF_JOB_UNKNOWN'],
    ['an unknown id to list failures of', ['failures', 'nobody'], 'HF_JOB_UNKNOWN'],
  ])('%s', async (_, args, code) => {
    const { code: exit, stdout, stderr } = await here.cli(...args);
    expect({ exit, stdout, stderr }).toMatchObject({
      exit: 2,
      stdout: '',
      stderr: expect.stringMatching(new RegExp(`^holdfast: .*\\(${code}\\)\\n$`)),
    });
    expect(await site.serverPid()).toBeNull();
  });

  test.each([
    ['an unknown command', ['rum']],
    ['an unknown option', ['run', 'job.ts', '--renew']],
    ['no file', ['run']],
    ['a param without a value', ['run', 'job.ts', '--param', 'file']],
    ['a limit that is no number', ['run', 'job.ts', '--limit', 'some']],
    ['a rate of nothing', ['set', 'x', '--rate', '0']],
    ['nothing to set', ['set', 'x']],
  ])('%s, by the options alone', async (_, args) => {
    const { code, stdout, stderr } = await here.cli(...args);
    expect({ code, stdout, stderr }).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/^holdfast: \S/),
    });
  });

  test('a file without a job, one that cannot be loaded, and one with two jobs', async () => {
    here.write('none.ts', 'export const x = 1;\n');
    here.write('broken.ts', 'export default notThere();\n');
    here.write(
      'two.ts',
      "import job from './job.ts';\nimport { defineJob, items } from 'holdfast';\nexport { job };\nexport const b = defineJob({ name: 'b', source: items([1]), key: (n) => n, run: () => 1 });\n",
    );
    expect(await here.cli('run', 'none.ts')).toMatchObject({ code: 2, stderr: expect.stringContaining('HF_NO_JOB') });
    expect(await here.cli('run', 'broken.ts')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('HF_FILE_NOT_A_MODULE'),
    });
    const two = await here.cli('run', 'two.ts');
    expect(two).toMatchObject({ code: 2, stderr: expect.stringMatching(/b, usage.*--job NAME.*HF_SEVERAL_JOBS/) });
  });

  test('with --json the error is the document', async () => {
    const { code, stdout } = await here.cli('status', 'nobody', '--json');
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'HF_JOB_UNKNOWN' } });
  });
});

describe('what a command prints', () => {
  test('with --json an option that there is not is an error document, too', async () => {
    const { code, stdout } = await here.cli('status', '--json', '--frob');
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toEqual({
      error: { code: 'HF_OPTION_INVALID', message: expect.stringContaining("unknown option '--frob'") },
    });
  });

  test('--version is the version of the package, --help names every command', async () => {
    expect(await here.cli('--version')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
    const { code, stdout } = await here.cli('--help');
    expect(code).toBe(0);
    for (const verb of [
      'run',
      'worker',
      'start',
      'status',
      'watch',
      'list',
      'pause',
      'resume',
      'cancel',
      'set',
      'failures',
      'redrive',
      'results',
      'plan',
      'memo',
      'server',
      'doctor',
    ]) {
      expect(stdout).toMatch(new RegExp(`^ {2}${verb} `, 'm'));
    }
  });

  test('run FILE --help lists the params of the job with what they are and their defaults', async () => {
    const { code, stdout } = await here.cli('run', 'job.ts', '--help');
    expect(code).toBe(0);
    expect(stdout).toMatch(/--param file=<string>\s+what to read \[required\]/);
    expect(stdout).toMatch(/--param top=<number>\s+\[default: 3\]/);
  });

  test('the first line of run names the server, the store and the job id, the last one what became of it', async () => {
    const { code, stdout } = await here.cli('run', 'job.ts', ...good, '--id', 'first-line');
    expect(code).toBe(0);
    const [first, ...rest] = stdout.trimEnd().split('\n');
    expect(first).toMatch(
      /^holdfast: job first-line · server 127\.0\.0\.1:\d+ \(embedded, started\) · store sqlite:.*store\.db$/,
    );
    expect(rest[0]).toMatch(/^complete: 2 items applied/);
    expect(await site.serverPid()).toBeNull();
  });

  test('run --json prints one document with exactly the fields of a summary, whatever the user’s file prints', async () => {
    const loud = site.project('loud');
    loud.items(numbered(2));
    loud.job({ body: "console.log('item', item.id); process.stdout.write('raw'); return { v: 1 };", sink: null });
    const { code, summary, stderr } = await loud.run();
    expect(code).toBe(0);
    expect(stderr).toContain('item k1');
    const { elapsedMs, itemsPerSecond, ...counts } = summary;
    expect([typeof elapsedMs, typeof itemsPerSecond]).toEqual(['number', 'number']);
    expect(counts).toEqual({
      jobId: 'loud',
      job: 'loud',
      generation: 1,
      state: 'complete',
      items: { read: 2, applied: 2, waiting: 0, quarantined: 0, unknown: 0, total: 2 },
      thisRun: { applied: 2, known: 0 },
      calls: { made: 2, retried: 0 },
      memo: { hits: 0, misses: 0, savedMs: 0 },
      chunks: { planned: 1, done: 1 },
    });
  });
});

describe('server and doctor', () => {
  test('server status --json has exactly running, address, pid, ui and file', async () => {
    const file = join(site.home, 'temporal.db');
    expect(await here.json('server', 'status')).toEqual({ running: false, address: null, pid: null, ui: null, file });
    expect(await here.json('server', 'start')).toMatchObject({ running: true, file });
    expect(await here.json('server', 'status')).toEqual({
      running: true,
      address: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      pid: expect.any(Number),
      ui: expect.stringContaining('http://'),
      file,
    });
    expect(await here.json('server', 'stop')).toMatchObject({ stopped: true });
    expect(await here.json('server', 'stop')).toMatchObject({ stopped: false });
  });

  test('a port that there is none of is wrong use, not a failure', async () => {
    const wrong = await here.cli('server', 'start', '--port', '99999');
    expect({ code: wrong.code, names: wrong.stderr.includes('99999') }).toEqual({ code: 2, names: true });
  });

  test('doctor finds nothing wrong where nothing is, and says what is wrong and how to mend it where something is', async () => {
    const { code, stdout } = await here.cli('doctor');
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringMatching(/^ok {3}node/) });
    mkdirSync(join(here.directory, 'store.db'));
    const bad = site.start(['doctor', '--json'], { cwd: here.directory, env: { HOLDFAST_STORE: 'sqlite:store.db' } });
    const ended = await bad.ended;
    expect(ended.code).toBe(1);
    expect(JSON.parse(ended.stdout)).toMatchObject({
      ok: false,
      findings: expect.arrayContaining([expect.objectContaining({ name: 'store', ok: false })]),
    });
  });

  test('a Temporal that is not there is exit 1 with its address and what to do', async () => {
    const away = site.start(['run', 'job.ts', ...good], {
      cwd: here.directory,
      env: { TEMPORAL_ADDRESS: '127.0.0.1:1' },
    });
    const { code, stderr } = await away.ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/127\.0\.0\.1:1.*TEMPORAL_ADDRESS.*\(HF_SERVER_UNREACHABLE\)/);
  });
});
