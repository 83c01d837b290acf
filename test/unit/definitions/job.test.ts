import { describe, expect, test } from '@jest/globals';
import { isHoldfastError } from '../../../definitions/errors.ts';
import { failed, isFailed } from '../../../definitions/failed.ts';
import { collectJobs, defineJob, isJob, jobSpecOf } from '../../../definitions/job.ts';
import { jobIdOf, shortHash } from '../../../definitions/job-id.ts';
import type { Sink } from '../../../definitions/sink.ts';
import type { Source } from '../../../definitions/source.ts';
import { defineTask } from '../../../definitions/task.ts';

const source: Source<{ readonly id: string }> = { kind: 'numbers' };
const sink: Sink<unknown, unknown> = { kind: 'nowhere' };
const base = { name: 'j', source, key: (item: { readonly id: string }) => item.id };
const run = () => 1;
const task = defineTask({
  name: 't',
  run: (item: { readonly id: string }) => item.id,
  timeout: '7s',
  retry: { attempts: 2 },
});

const failureOf = (fn: () => unknown): string => {
  try {
    fn();
    return 'none';
  } catch (error) {
    if (isHoldfastError(error)) return `${error.code}: ${error.message}`;
    throw error;
  }
};
const refusal = (options: unknown): string => failureOf(() => defineJob(options as never));

describe('a job', () => {
  test('has its options with every default decided', () => {
    const job = defineJob({ ...base, run });
    expect(isJob(job)).toBe(true);
    expect(isJob({ name: 'j' })).toBe(false);
    expect(jobSpecOf(job)).toMatchObject({
      name: 'j',
      schema: null,
      id: null,
      concurrency: 10,
      ratePerSecond: null,
      tolerate: { kind: 'share', max: 0.05 },
      onDuplicateKey: 'quarantine',
      itemBytesMax: 1_000_000,
      maxWaiting: 10_000,
      retry: { attempts: 5 },
      timeoutMs: 300_000,
      logConsole: false,
      work: { kind: 'run', run },
      sink: null,
    });
    expect(jobSpecOf(job).source({})).toBe(source);
  });

  test("with a task has the task's retries and timeout, not its own", () => {
    const spec = jobSpecOf(defineJob({ ...base, task, retry: { attempts: 9 }, timeout: '1s' }));
    expect(spec).toMatchObject({ retry: { attempts: 2 }, timeoutMs: 7_000, work: { kind: 'task', input: null } });
  });

  test('with runBatch has batches of 100 unless told otherwise', () => {
    const runBatch = () => [failed('x')];
    expect(jobSpecOf(defineJob({ ...base, runBatch })).work).toEqual({ kind: 'runBatch', runBatch, batchSize: 100 });
  });

  test('stays as it is when .to makes one with a sink', () => {
    const job = defineJob({ ...base, run });
    expect(jobSpecOf(job.to(sink)).sink?.({})).toBe(sink);
    expect(jobSpecOf(job.to(() => sink)).sink?.({})).toBe(sink);
    expect(jobSpecOf(job).sink).toBeNull();
  });

  test.each<[number | `${number}%`, object]>([
    [0, { kind: 'count', max: 0 }],
    [12, { kind: 'count', max: 12 }],
    ['0.5%', { kind: 'share', max: 0.005 }],
    ['100%', { kind: 'share', max: 1 }],
  ])('tolerates %j', (failures, tolerate) => {
    expect(jobSpecOf(defineJob({ ...base, run, tolerate: { failures } })).tolerate).toEqual(tolerate);
  });

  test.each<[object | null, string]>([
    [null, 'a job cannot be defined: option name is undefined'],
    [{ ...base, name: undefined, run }, 'a job cannot be defined: option name is undefined; every job needs a name'],
    [{ ...base, name: '../x', run }, "option name is '../x'"],
    [{ ...base, name: 'x'.repeat(101), run }, 'longer than 100'],
    [{ ...base }, 'job j cannot be defined: option run is undefined; give one of task, run and runBatch'],
    [{ ...base, run, task }, 'there is task already'],
    [{ ...base, task: run }, 'option task is function run; give what defineTask returns'],
    [{ ...base, run, input: run }, 'option input is function run; it goes with task'],
    [{ ...base, run, batchSize: 3 }, 'option batchSize is 3; it goes with runBatch'],
    [{ ...base, run, key: undefined }, 'option key is undefined'],
    [{ ...base, run, key: 'id' }, "option key is 'id'; give a function"],
    [{ ...base, run, source: 'orders.csv' }, "option source is 'orders.csv'"],
    [{ ...base, run, source: undefined }, 'option source is undefined'],
    [{ ...base, run, concurrency: 0 }, 'option concurrency is 0; give a whole number of at least 1'],
    [{ ...base, run, ratePerSecond: Number.NaN }, 'option ratePerSecond is NaN; give a number above 0'],
    [{ ...base, run, tolerate: '1%' }, "option tolerate is '1%'; give an object"],
    [{ ...base, run, tolerate: { failures: '101%' } }, "option tolerate.failures is '101%'"],
    [{ ...base, run, tolerate: { failures: -1 } }, 'option tolerate.failures is -1'],
    [{ ...base, run, tolerate: {} }, 'option tolerate.failures is undefined'],
    [
      { ...base, run, tolerate: { failure: 1 } },
      'option tolerate.failure is 1; there is no such option (did you mean failures?)',
    ],
    [{ ...base, run, onDuplicateKey: 'last' }, "option onDuplicateKey is 'last'; give 'quarantine' or 'first'"],
    [{ ...base, run, timeout: 30 }, 'HF_DURATION_INVALID: Option timeout of job j is 30'],
    [{ ...base, run, concurency: 3 }, 'option concurency is 3; there is no such option (did you mean concurrency?)'],
    [{ ...base, run, sink }, 'option sink is'],
    [{ ...base, run, logConsole: 'yes' }, "option logConsole is 'yes'; give true or false"],
    [{ ...base, run, params: { a: 'text' } }, "option params.a is 'text'"],
  ])('%j is refused when it is made', (options, message) => {
    expect(refusal(options)).toContain(message);
  });

  test('.to refuses what is no sink', () => {
    const job = defineJob({ ...base, run });
    expect(failureOf(() => job.to('sqlite:x' as never))).toContain("job j cannot be defined: option to is 'sqlite:x'");
  });

  test('two different jobs of one name are refused when they come together, the same one twice is not', () => {
    const job = defineJob({ ...base, run });
    expect([...collectJobs([job, job, defineJob({ ...base, name: 'k', run })]).keys()]).toEqual(['j', 'k']);
    expect(failureOf(() => collectJobs([job, job.to(sink)]))).toContain(
      'HF_JOB_NAME_TWICE: Two different jobs are named j',
    );
  });
});

describe('a job id', () => {
  const spec = jobSpecOf(defineJob({ ...base, run }));

  test('without params is the name, with params the name and a hash that does not hang on their order', () => {
    expect(jobIdOf(spec, {})).toBe('j');
    expect(jobIdOf(spec, { a: 1, b: 'x' })).toMatch(/^j-[0-9a-f]{12}$/);
    expect(jobIdOf(spec, { a: 1, b: 'x' })).toBe(jobIdOf(spec, { b: 'x', a: 1 }));
  });

  test('tells params apart that only look alike', () => {
    const ids = [{ a: 1 }, { a: '1' }, { a: true }, { a: 'true' }, { b: 1 }].map((params) => jobIdOf(spec, params));
    expect(new Set(ids).size).toBe(5);
  });

  test('stays the same from version to version', () => {
    expect(shortHash('{"file":"orders.csv"}')).toBe('06bed13fd08b');
  });

  test('is hashed by FNV-1a, as its published example shows', () => {
    // 64 bits of 'a' are af63dc4c8601ec8c; the top 16 are folded into the rest.
    expect(shortHash('a')).toBe('dc4c860143ef');
  });

  test('is what `id` makes of the params, when that is usable', () => {
    const own = jobSpecOf(defineJob({ ...base, params: { day: 'string' }, id: (params) => params.day, run }));
    expect(jobIdOf(own, { day: '2026-01-01' })).toBe('2026-01-01');
    for (const day of ['', ' x', 'a\nb', 'x'.repeat(201), undefined]) {
      expect(failureOf(() => jobIdOf(own, { day }))).toContain('HF_OPTION_INVALID: Option id is');
    }
  });
});

test('a failed outcome is recognised without instanceof, and no value is', () => {
  expect(isFailed(failed(new Error('x')))).toBe(true);
  expect([null, undefined, { error: 1 }, new Error('x')].map(isFailed)).toEqual([false, false, false, false]);
});
