import { describe, expect, test } from '@jest/globals';
import type { MemoCounts } from '../../../cli/plan-memo.ts';
import { describePlan, expectedMs, type Plan } from '../../../cli/plan-text.ts';

const noReasons = { never: 0, expired: 0, version: 0, invalidated: 0, damaged: 0, running: 0, refresh: 0 };
const memo: MemoCounts = {
  task: 'locate',
  version: '2',
  hits: 5_000,
  misses: 1_200,
  repeated: 30,
  refused: 0,
  reasons: { ...noReasons, never: 1_000, version: 200 },
  otherVersions: ['1'],
  refusal: null,
  costs: { count: 5_000, lowMs: 100, medianMs: 200, highMs: 300 },
};
const plan: Plan = {
  jobId: 'enrich-1a2b',
  job: 'enrich',
  state: 'cancelled',
  generation: 1,
  source: 'csv orders.csv',
  sink: 'table located in sqlite:out.db',
  limit: null,
  items: {
    read: 10_000,
    landed: 3_765,
    setAside: 2,
    refused: { malformed: 1, 'too-large': 0, schema: 0, key: 2 },
    examples: ['The record at orders.csv line 3 (byte 40) cannot be read: it has 2 columns.'],
    toRun: 6_230,
  },
  memo,
  expected: { lowMs: 12_000, highMs: 36_000, concurrency: 10, ratePerSecond: 50 },
};

describe('the expected time', () => {
  const paces = { concurrency: 10, ratePerSecond: null };

  test('is what the misses took before, shared by the slots', () => {
    expect(expectedMs(memo, paces)).toMatchObject({ lowMs: 12_000, highMs: 36_000 });
  });

  test('is at least what the limit of calls takes, and at least one call', () => {
    expect(expectedMs(memo, { concurrency: 1_000, ratePerSecond: 10 })).toMatchObject({
      lowMs: 120_000,
      highMs: 120_200,
    });
    expect(expectedMs({ ...memo, misses: 3 }, { concurrency: 100, ratePerSecond: null })).toMatchObject({ lowMs: 100 });
  });

  test('is nothing where all is stored, and unknown where nothing was computed yet', () => {
    expect(expectedMs({ ...memo, misses: 0, costs: null }, paces)).toMatchObject({ lowMs: 0, highMs: 0 });
    expect(expectedMs({ ...memo, costs: null }, paces)).toBeNull();
  });
});

describe('a plan for people', () => {
  const said = (change: Partial<Plan> = {}, refresh = false) =>
    describePlan({ ...plan, ...change }, { command: 'holdfast run job.ts', refresh }).join('\n');

  test('says what is there, what runs, what is computed and why, and how long it takes', () => {
    expect(said()).toBe(`enrich-1a2b: cancelled; a run goes on with it (job enrich, generation 1)
  source   csv orders.csv
  sink     table located in sqlite:out.db
  items    10,000 in the source · 3,765 landed already (38%) · 2 quarantined already · 3 that will be quarantined
           1 malformed, 2 without a usable key
             The record at orders.csv line 3 (byte 40) cannot be read: it has 2 columns.
  to run   6,230 items
  memo     locate (version 2): 5,000 hits · 1,200 to compute · 30 with the input of an item before them
             1,000 never computed
               200 computed by another version (1 → 2)
  expected 12 s to 36 s, 10 at once, at most 50/s calls, as most of 5,000 results took 100 ms to 300 ms
  next     holdfast run job.ts`);
  });

  test('of a job without a memoized task says that everything runs', () => {
    const lines = said({ memo: null, expected: null });
    expect(lines).toContain('6,230 items, each by a call: the job runs no memoized task');
    expect(lines).not.toMatch(/memo |expected/);
  });

  test('of a finished job says that nothing is to be done', () => {
    const items = { ...plan.items, toRun: 0, setAside: 0 };
    expect(said({ items, state: 'complete' })).toMatch(
      /^enrich-1a2b: complete; a run finds nothing to do .* {2}to run {3}nothing\n {2}next {5}nothing to do; --again/s,
    );
    expect(said({ items, state: 'complete' }, true)).toContain('nothing to do; --refresh --again would run');
    expect(said({ items: { ...items, setAside: 1 } })).toContain('holdfast redrive enrich-1a2b');
  });

  test('where all is stored says that nothing is computed; where nothing is, that the time is unknown', () => {
    const stored = { ...memo, misses: 0, reasons: noReasons };
    expect(said({ memo: stored, expected: { lowMs: 0, highMs: 0, concurrency: 1, ratePerSecond: null } })).toContain(
      'nothing is computed',
    );
    expect(said({ expected: null })).toContain('expected unknown: nothing was computed yet');
  });
});
