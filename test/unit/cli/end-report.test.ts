import { describe, expect, test } from '@jest/globals';
import { describeEnd } from '../../../cli/end-report.ts';
import { runCommand } from '../../../cli/run-command.ts';
import type { JobStatus } from '../../../client/index.ts';

const status: JobStatus = {
  summary: {
    jobId: 'enrich',
    job: 'enrich',
    generation: 1,
    state: 'complete',
    items: { read: 60, applied: 60, waiting: 0, quarantined: 0, unknown: 0, total: 60 },
    thisRun: { applied: 60, known: 0 },
    calls: { made: 46, retried: 0 },
    memo: { hits: 14, misses: 46, savedMs: 6_000 },
    chunks: { planned: 1, done: 1 },
    elapsedMs: 4_000,
    itemsPerSecond: 15,
  },
  error: null,
  params: '{}',
  source: 'csv a.csv',
  sink: 'none',
  concurrency: 10,
  ratePerSecond: null,
  limit: null,
  cancelling: false,
  startedAt: 0,
  endedAt: 4_000,
  nextDueAt: null,
  leftOut: 0,
  pass: 1,
};
const asked = { nothingNew: false, again: false, refresh: false };

describe('the end of a run', () => {
  test('tells what memoization spared', () => {
    expect(describeEnd(status, asked)).toEqual([
      'complete: 60 items applied, 4.0 s, 15/s.',
      '  14 results taken from the store, which took 6.0 s to compute; 46 computed.',
    ]);
  });

  test('tells what it spared in all where the run did a part only', () => {
    const summary = { ...status.summary, thisRun: { applied: 40, known: 20 } };
    expect(describeEnd({ ...status, summary }, asked)).toEqual([
      'complete: 60 items applied, 40 in this run, 4.0 s, 15/s.',
      '  In all, 14 results taken from the store, which took 6.0 s to compute; 46 computed.',
    ]);
  });
});

test('the command to run is given as a shell takes it, with all that was asked for', () => {
  expect(runCommand({ file: 'job.ts' })).toBe('holdfast run job.ts');
  const param = { file: 'june 1.csv', top: '3' };
  expect(
    runCommand({ file: 'my job.ts', job: 'b', param, id: "it's", again: true, refresh: true, limit: 5, local: true }),
  ).toBe(
    "holdfast run 'my job.ts' --job b --param 'file=june 1.csv' --param top=3 --id 'it'\\''s' --again --refresh --limit 5 --local",
  );
});
